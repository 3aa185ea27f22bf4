//! The shopping list, which all users share.

use std::fmt;

use rusqlite::{Connection, OptionalExtension, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::tool::{Call, Did, Effect, Failure, Nothing, Tool};
use crate::{Records, RecordsError, records};

/// One thing to buy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Item {
    /// What the other tools call it by. Never given to another item.
    pub id: i64,
    /// What to buy.
    pub name: String,
    /// How many.
    pub quantity: u32,
    /// Whether it has been bought.
    pub bought: bool,
}

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "list_shopping_items",
            "Show the shopping list",
            Effect::Reads,
            "Lists everything on the shopping list that all users share, bought or not, with \
             the id that the other shopping tools ask for.",
            async |call: Call, _: Nothing| Ok(List { items: call.records.read(all).await? }),
        ),
        Tool::new(
            "add_shopping_item",
            "Add to the shopping list",
            Effect::Adds,
            "Adds one item to the shopping list that all users share: one of it, or as many \
             as quantity says. Returns its id.",
            add,
        ),
        Tool::new(
            "mark_shopping_item_bought",
            "Mark as bought",
            Effect::Replaces,
            "Marks one item of the shared shopping list as bought, by its id from \
             list_shopping_items.",
            mark_bought,
        ),
        Tool::new(
            "remove_shopping_item",
            "Remove from the shopping list",
            Effect::Replaces,
            "Removes one item from the shared shopping list for everybody, by its id from \
             list_shopping_items.",
            remove,
        ),
    ]
}

/// The whole list, in the order in which it was written.
pub(crate) async fn items(records: &Records) -> Result<Vec<Item>, RecordsError> {
    Ok(records.read(all).await?)
}

async fn add(call: Call, input: NewItem) -> Result<Did<Item>, Failure> {
    let item = call.records.write(move |records| {
        records::ensure_room(records, "item")?;
        let insert = "INSERT INTO item (name, quantity, bought) VALUES (?1, ?2, 0) RETURNING *";
        Ok(records.query_row(insert, (input.name.trim(), input.quantity), read)?)
    });
    Ok(Did { what: "Added", record: item.await? })
}

async fn mark_bought(call: Call, input: Which) -> Result<Did<Item>, Failure> {
    let update = "UPDATE item SET bought = 1 WHERE id = ?1 RETURNING *";
    Ok(Did { what: "Marked as bought", record: change(call, update, input.id).await? })
}

async fn remove(call: Call, input: Which) -> Result<Did<Item>, Failure> {
    let delete = "DELETE FROM item WHERE id = ?1 RETURNING *";
    Ok(Did { what: "Removed", record: change(call, delete, input.id).await? })
}

async fn change(call: Call, statement: &'static str, id: i64) -> Result<Item, Failure> {
    let change =
        move |records: &Connection| Ok(records.query_row(statement, [id], read).optional()?);
    call.records.write(change).await?.ok_or_else(|| {
        Failure::caller(format!(
            "no item has the id {id}; list_shopping_items shows those there are"
        ))
    })
}

fn all(records: &Connection) -> Result<Vec<Item>, Failure> {
    let mut query = records.prepare("SELECT * FROM item ORDER BY id")?;
    let rows = query.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: row.get("id")?,
        name: row.get("name")?,
        quantity: row.get("quantity")?,
        bought: row.get("bought")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewItem {
    /// What to buy.
    #[schemars(length(min = 1, max = 200))]
    name: String,
    /// How many.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    quantity: u32,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Which {
    /// The id of the item, from list_shopping_items.
    #[schemars(range(min = 1))]
    id: i64,
}

#[derive(Serialize, JsonSchema)]
struct List {
    items: Vec<Item>,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.bought { "bought" } else { "to buy" };
        write!(f, "{} × {}, {state} (id {})", self.quantity, self.name, self.id)
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return write!(f, "The shopping list is empty.");
        }
        write!(f, "{} items on the shopping list:", self.items.len())?;
        self.items.iter().try_for_each(|item| write!(f, "\n{item}"))
    }
}
