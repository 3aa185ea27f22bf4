//! Sales that may come.

use std::fmt;

use jiff::civil::Date;
use rusqlite::Row;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::customers;
use crate::records;
use crate::tool::{Call, Did, Failure};

/// Amounts are whole euros.
pub(super) const UNIT: &str = "EUR";

const SELECT: &str = "SELECT opportunity.*, customer.name AS customer
    FROM opportunity JOIN customer ON customer.id = customer_id";

pub(super) async fn create(call: Call, input: New) -> Result<Did<Opportunity>, Failure> {
    let opportunity = call.records.write(move |records| {
        customers::name(records, input.customer_id)?;
        records::ensure_room(records, "opportunity")?;
        let insert = "INSERT INTO opportunity (customer_id, title, amount, expected_close)
                      VALUES (?1, ?2, ?3, ?4)";
        let (title, close) = (input.title.trim(), input.expected_close.to_string());
        records.execute(insert, (input.customer_id, title, input.amount, close))?;
        let query = format!("{SELECT} WHERE opportunity.id = ?1");
        Ok(records.query_row(&query, [records.last_insert_rowid()], read)?)
    });
    Ok(Did { what: "Created", record: opportunity.await? })
}

pub(super) async fn list(call: Call, input: Which) -> Result<Opportunities, Failure> {
    let opportunities = call.records.read(move |records| {
        if let Some(id) = input.customer_id {
            customers::name(records, id)?;
        }
        let mut query = records.prepare(&format!(
            "{SELECT} WHERE ?1 IS NULL OR customer_id = ?1 ORDER BY expected_close, opportunity.id"
        ))?;
        Ok(query.query_map([input.customer_id], read)?.collect::<Result<_, _>>()?)
    });
    Ok(Opportunities { opportunities: opportunities.await? })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Opportunity> {
    Ok(Opportunity {
        id: row.get("id")?,
        customer_id: row.get("customer_id")?,
        customer: row.get("customer")?,
        title: row.get("title")?,
        amount: row.get("amount")?,
        unit: UNIT,
        expected_close: records::date(row, "expected_close")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    /// The id of the customer, from crm_list_customers.
    #[schemars(range(min = 1))]
    customer_id: i64,
    /// What may be sold.
    #[schemars(length(min = 1, max = 200))]
    title: String,
    /// What it is worth, in whole euros.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    amount: i64,
    /// The day by which it should be decided, such as 2026-03-31.
    expected_close: Date,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only those of this customer. Without it: all.
    #[schemars(range(min = 1))]
    customer_id: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Opportunities {
    /// The one that should be decided first stands first.
    opportunities: Vec<Opportunity>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Opportunity {
    id: i64,
    customer_id: i64,
    /// The name of the customer.
    customer: String,
    title: String,
    /// In whole units.
    amount: i64,
    /// The unit of the amount.
    unit: &'static str,
    expected_close: Date,
}

impl fmt::Display for Opportunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, customer, title, amount, unit, expected_close, .. } = self;
        write!(f, "{customer}: {title}, {amount} {unit}, by {expected_close} (id {id})")
    }
}

impl fmt::Display for Opportunities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.opportunities.is_empty() {
            return write!(f, "There are no such opportunities.");
        }
        write!(f, "{} opportunities:", self.opportunities.len())?;
        self.opportunities.iter().try_for_each(|opportunity| write!(f, "\n{opportunity}"))
    }
}
