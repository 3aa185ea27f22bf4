//! Every tool of the personal kit, once and wrongly.

use serde_json::json;

use crate::endpoint::{Endpoint, MODERN, all, text};

#[tokio::test]
async fn payments_are_the_callers_alone() {
    let endpoint = Endpoint::personal();
    for (user, balance, count) in [("bob", -200, 5), ("alice", 180, 5), ("charlie", 20, 4)] {
        let answer = endpoint.answer(user, "get_account_balance", json!({})).await;
        assert_eq!((&answer["balance"], &answer["unit"]), (&json!(balance), &json!("EUR")));
        let answer = endpoint.answer(user, "get_all_transactions", json!({})).await;
        let payments = answer["transactions"].as_array().unwrap();
        assert_eq!(payments.len(), count);
        assert!(payments.iter().all(|p| p["from"] == user || p["to"] == user), "{answer}");
    }
    let latest = endpoint.answer("bob", "get_latest_transactions", json!({})).await;
    assert_eq!(latest["transactions"].as_array().unwrap().len(), 3);
    let expected =
        json!({"id": 6, "date": "2024-03-20", "from": "alice", "to": "bob", "amount": 150});
    assert_eq!(latest["transactions"][0], expected);
    let latest = endpoint.answer("bob", "get_latest_transactions", json!({"limit": 1})).await;
    assert_eq!(latest["transactions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_has_no_payments_is_told_so() {
    let endpoint = Endpoint::personal();
    let reply = endpoint.call("newcomer", "get_all_transactions", json!({})).await;
    assert_eq!(reply["result"]["structuredContent"]["transactions"], json!([]));
    assert!(text(&reply).contains("no payments"), "{reply}");

    let mut other = all("bob");
    other.issuer = "another-issuer".to_owned();
    let permit = Some(endpoint.permit(other));
    let ask = json!({"name": "get_all_transactions"});
    let reply = endpoint.ask(permit, MODERN, "tools/call", ask).await;
    assert_eq!(reply["result"]["structuredContent"]["transactions"], json!([]));
}

#[tokio::test]
async fn the_shopping_list_is_shared() {
    let endpoint = Endpoint::personal();
    let item = endpoint.answer("bob", "add_shopping_item", json!({"name": " tea "})).await;
    let id = item["id"].clone();
    assert_eq!(item, json!({"id": id, "name": "tea", "quantity": 1, "bought": false}));

    let marked = endpoint.answer("alice", "mark_shopping_item_bought", json!({"id": id})).await;
    assert_eq!(marked["bought"], true);
    let listed = endpoint.answer("charlie", "list_shopping_items", json!({})).await;
    assert!(listed["items"].as_array().unwrap().contains(&marked), "{listed}");

    endpoint.answer("charlie", "remove_shopping_item", json!({"id": id})).await;
    let listed = endpoint.answer("bob", "list_shopping_items", json!({})).await;
    assert!(!listed["items"].as_array().unwrap().contains(&marked), "{listed}");
    let items = serde_json::to_value(endpoint.server.shopping_items().await.unwrap()).unwrap();
    assert_eq!(listed["items"], items);
    for tool in ["remove_shopping_item", "mark_shopping_item_bought"] {
        let text = endpoint.complaint("bob", tool, json!({"id": id})).await;
        assert!(text.contains("list_shopping_items"), "{text}");
    }
}

#[tokio::test]
async fn wrong_fields_are_all_named_and_nothing_is_added() {
    let endpoint = Endpoint::personal();
    let before = endpoint.server.shopping_items().await.unwrap();
    let wrong = json!({"quantity": "many", "foo": true});
    let text = endpoint.complaint("bob", "add_shopping_item", wrong).await;
    for part in [
        "3 problems",
        "\"name\" is missing",
        "\"quantity\" must be a whole number from 1 to 1000, got \"many\"",
        "\"foo\" is not a field of this tool (it has name, quantity)",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let long = json!({"name": "x".repeat(201)});
    assert!(endpoint.complaint("bob", "add_shopping_item", long).await.contains("200"));
    assert_eq!(endpoint.server.shopping_items().await.unwrap(), before);
}

#[tokio::test]
async fn the_time_is_told_in_any_zone() {
    let endpoint = Endpoint::personal();
    let answer = endpoint.answer("bob", "get_time", json!({"zone": "Asia/Tokyo"})).await;
    assert!(answer["time"].as_str().unwrap().ends_with("+09:00"), "{answer}");
    endpoint.answer("bob", "get_time", json!({})).await;
    let text = endpoint.complaint("bob", "get_time", json!({"zone": "Mars/Olympus"})).await;
    assert!(text.contains("IANA"), "{text}");
}

#[tokio::test]
async fn the_sample_weather_says_that_it_is_one() {
    let endpoint = Endpoint::personal();
    let answer = endpoint.answer("bob", "get_weather", json!({"location": "Paris"})).await;
    assert_eq!((&answer["source"], &answer["sample"]), (&json!("sample"), &json!(true)));
    let text = endpoint.complaint("bob", "get_weather", json!({"location": "Atlantis"})).await;
    assert!(text.contains("Atlantis"), "{text}");
}
