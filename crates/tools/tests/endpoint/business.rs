//! Every tool of the business kit, once and wrongly.

use serde_json::{Value, json};

use crate::endpoint::Endpoint;

fn rows(answer: &Value, field: &str) -> usize {
    answer[field].as_array().unwrap_or_else(|| panic!("no {field}: {answer}")).len()
}

#[tokio::test]
async fn employees_are_added_and_listed() {
    let hr = Endpoint::business();
    let alice = json!({
        "name": "Alice", "email": "alice2@example.com", "department": "Sales",
        "position": "Assistant", "start_date": "2026-01-05"
    });
    let added = hr.answer("bob", "hr_add_employee", alice.clone()).await;
    assert_eq!(added["start_date"], "2026-01-05");
    let listed = hr.answer("bob", "hr_list_employees", json!({"department": "sales"})).await;
    assert_eq!(rows(&listed, "employees"), 2);
    assert!(listed["employees"].as_array().unwrap().contains(&added), "{listed}");

    let text = hr.complaint("bob", "hr_add_employee", alice).await;
    assert!(text.contains("alice2@example.com is Alice's already"), "{text}");
    let wrong = json!({"name": "", "email": "alice", "start_date": "soon"});
    let text = hr.complaint("bob", "hr_add_employee", wrong).await;
    assert!(text.starts_with("5 problems"), "{text}");
    assert_eq!(rows(&hr.answer("bob", "hr_list_employees", json!({})).await, "employees"), 4);
}

#[tokio::test]
async fn leave_is_requested_and_decided_once() {
    let hr = Endpoint::business();
    let leave = |first_day: &str, last_day: &str| {
        let reason = "rest";
        json!({"employee_id": 3, "first_day": first_day, "last_day": last_day, "reason": reason})
    };
    let wrong = hr.complaint("bob", "hr_request_leave", leave("2030-05-02", "2030-05-01")).await;
    assert!(wrong.contains("\"last_day\" (2030-05-01) is before"), "{wrong}");
    let asked = hr.answer("bob", "hr_request_leave", leave("2030-05-01", "2030-05-01")).await;
    assert_eq!((&asked["state"], &asked["employee"]), (&json!("pending"), &json!("Charlie")));
    let again = hr.complaint("bob", "hr_request_leave", leave("2030-04-28", "2030-05-03")).await;
    assert!(again.contains("Charlie has leave on some of these days"), "{again}");

    let decide = json!({"id": asked["id"], "decision": "rejected"});
    let decided = hr.answer("alice", "hr_decide_leave", decide).await;
    assert_eq!((&decided["state"], &decided["decided_by"]), (&json!("rejected"), &json!("alice")));
    let decide = json!({"id": asked["id"], "decision": "approved"});
    let text = hr.complaint("alice", "hr_decide_leave", decide).await;
    assert!(text.contains("rejected by alice"), "{text}");
    // What was rejected is in nobody's way.
    hr.answer("bob", "hr_request_leave", leave("2030-05-01", "2030-05-01")).await;

    let only = json!({"employee_id": 3, "state": "rejected"});
    let listed = hr.answer("bob", "hr_list_leave", only).await;
    assert_eq!(listed["leave"], json!([decided]));
    for (tool, wrong) in [
        ("hr_decide_leave", json!({"id": 99, "decision": "approved"})),
        ("hr_list_leave", json!({"employee_id": 99})),
    ] {
        assert!(hr.complaint("bob", tool, wrong).await.contains("the id 99"), "{tool}");
    }
}

#[tokio::test]
async fn the_summary_of_staff_counts() {
    let hr = Endpoint::business();
    let today = jiff::Zoned::now().date().to_string();
    let leave = json!({"employee_id": 1, "first_day": today, "last_day": today, "reason": "rest"});
    let asked = hr.answer("bob", "hr_request_leave", leave).await;
    let before = hr.answer("bob", "hr_summary", json!({})).await;
    assert_eq!((&before["employees"], &before["pending_leave"]), (&json!(3), &json!(2)));
    assert_eq!(before["on_leave_today"], json!([]));
    let decide = json!({"id": asked["id"], "decision": "approved"});
    hr.answer("bob", "hr_decide_leave", decide).await;
    let after = hr.answer("bob", "hr_summary", json!({})).await;
    assert_eq!((&after["pending_leave"], &after["on_leave_today"]), (&json!(1), &json!(["Alice"])));
    let engineers = json!({"name": "Engineering", "employees": 2});
    assert_eq!(after["departments"][0], engineers);
}

#[tokio::test]
async fn tasks_move_a_project_forward() {
    let projects = Endpoint::business();
    let task =
        json!({"project": "Website", "title": "go live", "assignee": "bob", "due": "2024-05-01"});
    let task = projects.answer("bob", "project_create_task", task).await;
    assert_eq!((&task["project"], &task["state"]), (&json!("website"), &json!("todo")));

    let overdue = projects.answer("bob", "project_overdue_tasks", json!({})).await;
    assert_eq!(rows(&overdue, "tasks"), 2);
    assert_eq!(overdue["tasks"][1], task);
    let set = json!({"id": task["id"], "state": "done"});
    let set = projects.answer("bob", "project_set_task_state", set).await;
    assert_eq!(set["state"], "done");
    let overdue = projects.answer("bob", "project_overdue_tasks", json!({})).await;
    assert_eq!(rows(&overdue, "tasks"), 1);

    let which = json!({"project": "website"});
    let progress = projects.answer("bob", "project_progress", which).await;
    assert_eq!((&progress["tasks"], &progress["done"]), (&json!(4), &json!(2)));
    assert_eq!((&progress["percent_done"], &progress["overdue"]), (&json!(50), &json!(1)));
    let summary = projects.answer("bob", "project_summary", json!({})).await;
    assert_eq!(rows(&summary, "projects"), 2);
    assert_eq!(summary["projects"][1], progress);

    let filter = json!({"project": "WEBSITE", "state": "done", "assignee": "Bob"});
    let listed = projects.answer("bob", "project_list_tasks", filter).await;
    assert_eq!(listed["tasks"], json!([set]));

    for (tool, wrong, part) in [
        ("project_progress", json!({"project": "moon"}), "project_summary"),
        ("project_set_task_state", json!({"id": 99, "state": "done"}), "the id 99"),
        ("project_set_task_state", json!({"id": 1, "state": "ready"}), "one of blocked, done,"),
        ("project_list_tasks", json!({"state": "ready"}), "in_progress, todo"),
        ("project_create_task", json!({"project": "p", "due": "2026-02-30"}), "3 problems"),
    ] {
        let text = projects.complaint("bob", tool, wrong).await;
        assert!(text.contains(part), "{tool}: {text}");
    }
}

#[tokio::test]
async fn customers_are_won() {
    let crm = Endpoint::business();
    let shop = json!({"name": "Example Shop", "email": "shop@example.com"});
    let added = crm.answer("bob", "crm_add_customer", shop.clone()).await;
    assert_eq!(added["status"], "lead");
    assert!(crm.complaint("bob", "crm_add_customer", shop).await.contains("Example Shop's"));
    let set = json!({"id": added["id"], "status": "active"});
    let set = crm.answer("bob", "crm_set_customer_status", set).await;
    let listed = crm.answer("bob", "crm_list_customers", json!({"status": "active"})).await;
    assert_eq!(rows(&listed, "customers"), 2);
    assert_eq!(listed["customers"][1], set);

    let id = &added["id"];
    let talk = json!({"customer_id": id, "kind": "call", "summary": "likes it"});
    let talk = crm.answer("alice", "crm_record_interaction", talk).await;
    assert_eq!(talk["recorded_by"], "alice");
    let listed = crm.answer("bob", "crm_list_interactions", json!({"customer_id": id})).await;
    assert_eq!(listed["interactions"], json!([talk]));
    let later = json!({"customer_id": id, "kind": "note", "summary": "x", "date": "2999-01-01"});
    assert!(crm.complaint("bob", "crm_record_interaction", later).await.contains("future"));

    let sale = json!({"customer_id": id, "title": "opening", "amount": 500, "expected_close": "2030-01-01"});
    let sale = crm.answer("bob", "crm_create_opportunity", sale).await;
    let listed = crm.answer("bob", "crm_list_opportunities", json!({"customer_id": id})).await;
    assert_eq!(listed["opportunities"], json!([sale]));
    let summary = crm.answer("bob", "crm_summary", json!({})).await;
    assert_eq!((&summary["active"], &summary["interactions"]), (&json!(2), &json!(3)));
    assert_eq!((&summary["opportunities"], &summary["amount"]), (&json!(3), &json!(16000)));

    for (tool, wrong) in [
        ("crm_set_customer_status", json!({"id": 99, "status": "lead"})),
        ("crm_record_interaction", json!({"customer_id": 99, "kind": "note", "summary": "x"})),
        ("crm_list_interactions", json!({"customer_id": 99})),
        (
            "crm_create_opportunity",
            json!({"customer_id": 99, "title": "x", "amount": 1, "expected_close": "2030-01-01"}),
        ),
        ("crm_list_opportunities", json!({"customer_id": 99})),
    ] {
        assert!(crm.complaint("bob", tool, wrong).await.contains("the id 99"), "{tool}");
    }
    let wrong =
        json!({"customer_id": 1, "title": "x", "amount": 1.5, "expected_close": "2030-01-01"});
    let text = crm.complaint("bob", "crm_create_opportunity", wrong).await;
    assert!(text.contains("\"amount\" must be a whole number from 1 to 1000000000"), "{text}");
}
