//! Customers in a few figures.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::opportunities::UNIT;
use crate::tool::{Call, Failure, Nothing};

pub(super) async fn summary(call: Call, _: Nothing) -> Result<Summary, Failure> {
    let summary = call.records.read(|records| {
        let query = "SELECT
            (SELECT count(*) FROM customer WHERE status = 'lead') AS leads,
            (SELECT count(*) FROM customer WHERE status = 'active') AS active,
            (SELECT count(*) FROM customer WHERE status = 'inactive') AS inactive,
            (SELECT count(*) FROM interaction) AS interactions,
            (SELECT count(*) FROM opportunity) AS opportunities,
            (SELECT coalesce(sum(amount), 0) FROM opportunity) AS amount";
        Ok(records.query_row(query, [], |row| {
            Ok(Summary {
                leads: row.get("leads")?,
                active: row.get("active")?,
                inactive: row.get("inactive")?,
                interactions: row.get("interactions")?,
                opportunities: row.get("opportunities")?,
                amount: row.get("amount")?,
                unit: UNIT,
            })
        })?)
    });
    summary.await
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    /// How many customers are leads.
    leads: u32,
    /// How many customers are active.
    active: u32,
    /// How many customers are inactive.
    inactive: u32,
    /// How many interactions were recorded.
    interactions: u32,
    /// How many opportunities there are.
    opportunities: u32,
    /// What they are worth together, in whole units.
    amount: i64,
    /// The unit of the amount.
    unit: &'static str,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { leads, active, inactive, interactions, opportunities, amount, unit } = self;
        let noun = if *leads == 1 { "lead" } else { "leads" };
        write!(f, "Customers: {active} active, {leads} {noun}, {inactive} inactive. ")?;
        write!(f, "Interactions: {interactions}. Opportunities: {opportunities}, ")?;
        write!(f, "worth {amount} {unit}.")
    }
}
