//! Requests for leave: pending, then approved or rejected, once.

use std::fmt;

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::staff;
use crate::records::{self, choice_name};
use crate::tool::{Call, Did, Failure};

const SELECT: &str = "SELECT leave_request.*, employee.name AS employee
    FROM leave_request JOIN employee ON employee.id = employee_id";

pub(super) async fn request(call: Call, input: NewLeave) -> Result<Did<Leave>, Failure> {
    if input.last_day < input.first_day {
        return Err(Failure::caller(format!(
            "\"last_day\" ({}) is before \"first_day\" ({}); nothing was requested",
            input.last_day, input.first_day
        )));
    }
    let leave = call.records.write(move |records| {
        let name = staff::name(records, input.employee_id)?;
        records::ensure_room(records, "leave_request")?;
        let (first, last) = (input.first_day.to_string(), input.last_day.to_string());
        let overlap = format!(
            "{SELECT} WHERE employee_id = ?1 AND state <> 'rejected'
             AND first_day <= ?3 AND last_day >= ?2"
        );
        let other = records.query_row(&overlap, (input.employee_id, &first, &last), read);
        if let Some(other) = other.optional()? {
            return Err(Failure::caller(format!(
                "{name} has leave on some of these days: {other}; nothing was requested"
            )));
        }
        let insert = "INSERT INTO leave_request (employee_id, first_day, last_day, reason, state)
                      VALUES (?1, ?2, ?3, ?4, 'pending')";
        records.execute(insert, (input.employee_id, first, last, input.reason.trim()))?;
        find(records, records.last_insert_rowid())
    });
    Ok(Did { what: "Requested", record: leave.await? })
}

pub(super) async fn list(call: Call, input: Which) -> Result<Leaves, Failure> {
    let leaves = call.records.read(move |records| {
        if let Some(id) = input.employee_id {
            staff::name(records, id)?;
        }
        let mut query = records.prepare(&format!(
            "{SELECT} WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR employee_id = ?2)
             ORDER BY first_day, leave_request.id"
        ))?;
        let state = input.state.as_ref().map(choice_name);
        let rows = query.query_map((state, input.employee_id), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    });
    Ok(Leaves { leave: leaves.await? })
}

pub(super) async fn decide(call: Call, input: Decide) -> Result<Did<Leave>, Failure> {
    let judge = call.identity().user.clone();
    let leave = call.records.write(move |records| {
        let leave = find(records, input.id)?;
        if leave.state != State::Pending {
            return Err(Failure::caller(format!(
                "this was decided before and stays so: {leave}; request new leave instead"
            )));
        }
        let update = "UPDATE leave_request SET state = ?2, decided_by = ?3 WHERE id = ?1";
        records.execute(update, (input.id, choice_name(&input.decision), judge))?;
        find(records, input.id)
    });
    Ok(Did { what: "Decided", record: leave.await? })
}

fn find(records: &Connection, id: i64) -> Result<Leave, Failure> {
    let query = format!("{SELECT} WHERE leave_request.id = ?1");
    records.query_row(&query, [id], read).optional()?.ok_or_else(|| {
        Failure::caller(format!("no request for leave has the id {id}; hr_list_leave shows all"))
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Leave> {
    Ok(Leave {
        id: row.get("id")?,
        employee_id: row.get("employee_id")?,
        employee: row.get("employee")?,
        first_day: records::date(row, "first_day")?,
        last_day: records::date(row, "last_day")?,
        reason: row.get("reason")?,
        state: records::choice(row, "state")?,
        decided_by: row.get("decided_by")?,
    })
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLeave {
    /// The id of the employee, from hr_list_employees.
    #[schemars(range(min = 1))]
    employee_id: i64,
    /// The first day of leave, such as 2026-03-30.
    first_day: Date,
    /// The last day of leave, such as 2026-03-31; the first day or later.
    last_day: Date,
    /// Why, in a few words.
    #[schemars(length(min = 1, max = 200))]
    reason: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Only requests in this state. Without it: all.
    state: Option<State>,
    /// Only requests of this employee. Without it: all.
    #[schemars(range(min = 1))]
    employee_id: Option<i64>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Decide {
    /// The id of the request, from hr_list_leave.
    #[schemars(range(min = 1))]
    id: i64,
    /// What becomes of it.
    decision: Decision,
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum Decision {
    Approved,
    Rejected,
}

#[derive(Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
enum State {
    Approved,
    Pending,
    Rejected,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Leaves {
    /// The earliest first.
    leave: Vec<Leave>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Leave {
    id: i64,
    employee_id: i64,
    /// The name of the employee.
    employee: String,
    first_day: Date,
    last_day: Date,
    reason: String,
    state: State,
    /// The user who decided; absent while it is pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
}

impl fmt::Display for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, employee, first_day, last_day, reason, state, .. } = self;
        write!(f, "{employee}, {first_day} to {last_day}, {reason}: {}", choice_name(state))?;
        if let Some(user) = &self.decided_by {
            write!(f, " by {user}")?;
        }
        write!(f, " (id {id})")
    }
}

impl fmt::Display for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.leave.is_empty() {
            return write!(f, "There are no such requests for leave.");
        }
        write!(f, "{} requests for leave:", self.leave.len())?;
        self.leave.iter().try_for_each(|leave| write!(f, "\n{leave}"))
    }
}
