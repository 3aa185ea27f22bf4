//! What was said with customers, and by whom it was recorded.

use std::fmt;

use jiff::civil::Date;
use rusqlite::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::customers;
use crate::records::{self, choice_name};
use crate::tool::{Call, Did, Failure};

const SELECT: &str = "SELECT interaction.*, customer.name AS customer
    FROM interaction JOIN customer ON customer.id = customer_id";

pub(super) async fn record(call: Call, input: New) -> Result<Did<Interaction>, Failure> {
    let author = call.identity().user.clone();
    let interaction = call.records.write(move |records| {
        customers::name(records, input.customer_id)?;
        records::ensure_room(records, "interaction")?;
        let today = jiff::Zoned::now().date();
        let day = input.date.unwrap_or(today);
        if day > today {
            return Err(Failure::caller(format!(
                "\"date\" ({day}) is in the future; nothing was recorded"
            )));
        }
        let insert = "INSERT INTO interaction (customer_id, kind, summary, day, recorded_by)
                      VALUES (?1, ?2, ?3, ?4, ?5)";
        let (kind, summary) = (choice_name(&input.kind), input.summary.trim());
        records.execute(insert, (input.customer_id, kind, summary, day.to_string(), author))?;
        let query = format!("{SELECT} WHERE interaction.id = ?1");
        Ok(records.query_row(&query, [records.last_insert_rowid()], read)?)
    });
    Ok(Did { what: "Recorded", record: interaction.await? })
}

pub(super) async fn list(call: Call, input: Which) -> Result<Interactions, Failure> {
    let interactions = call.records.read(move |records| {
        if let Some(id) = input.customer_id {
            customers::name(records, id)?;
        }
        let mut query = records.prepare(&format!(
            "{SELECT} WHERE ?1 IS NULL OR customer_id = ?1 ORDER BY day DESC, interaction.id DESC"
        ))?;
        Ok(query.query_map([input.customer_id], read)?.collect::<Result<_, _>>()?)
    });
    Ok(Interactions { interactions: interactions.await? })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Interaction> {
    Ok(Interaction {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        customer: row.get("customer")?,
        kind: records::choice(row, "kind")?,
        summary: row.get("summary")?,
        date: records::date(row, "day")?,
        recorded_by: row.get("recorded_by")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// The id of the customer, from crm_list_customers.
    #[schemars(range(min = 1))]
    customer_id: i64,
    /// What it was.
    kind: Kind,
    /// What was said, in a sentence or two.
    #[schemars(length(min = 1, max = 500))]
    summary: String,
    /// The day, such as 2026-03-31; today or earlier. Without it: today.
    date: Option<Date>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those with this customer. Without it: all.
    #[schemars(range(min = 1))]
    customer_id: Option<i64>,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Kind {
    Call,
    Email,
    Meeting,
    Note,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Interactions {
    /// The newest first.
    interactions: Vec<Interaction>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Interaction {
    id: i64,
    customer_id: i64,
    /// The name of the customer.
    customer: String,
    kind: Kind,
    summary: String,
    date: Date,
    /// The user who recorded it.
    recorded_by: String,
}

impl fmt::Display for Interaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, customer, kind, summary, date, recorded_by, .. } = self;
        write!(f, "{date}, {customer}, {}: {summary}, by {recorded_by}", choice_name(kind))?;
        write!(f, " (id {id})")
    }
}

impl fmt::Display for Interactions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.interactions.is_empty() {
            return write!(f, "No such interactions have been recorded.");
        }
        write!(f, "{} interactions, the newest first:", self.interactions.len())?;
        self.interactions.iter().try_for_each(|interaction| write!(f, "\n{interaction}"))
    }
}
