//! Staff in a few figures.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::tool::{Call, Failure, Nothing};

pub(super) async fn summary(call: Call, _: Nothing) -> Result<Summary, Failure> {
    let today = jiff::Zoned::now().date().to_string();
    let summary = call.records.read(move |records| {
        let mut query = records.prepare(
            "SELECT department, count(*) FROM employee GROUP BY department ORDER BY department",
        )?;
        let rows = query
            .query_map([], |row| Ok(Department { name: row.get(0)?, employees: row.get(1)? }))?;
        let departments: Vec<Department> = rows.collect::<Result<_, _>>()?;
        let pending = "SELECT count(*) FROM leave_request WHERE state = 'pending'";
        let mut away = records.prepare(
            "SELECT DISTINCT employee.name FROM leave_request
             JOIN employee ON employee.id = employee_id
             WHERE state = 'approved' AND ?1 BETWEEN first_day AND last_day ORDER BY 1",
        )?;
        let on_leave_today = away.query_map([today], |row| row.get(0))?;
        Ok(Summary {
            employees: departments.iter().map(|department| department.employees).sum(),
            departments,
            pending_leave: records.query_row(pending, [], |row| row.get(0))?,
            on_leave_today: on_leave_today.collect::<Result<_, _>>()?,
        })
    });
    summary.await
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    /// How many there are.
    employees: u32,
    departments: Vec<Department>,
    /// How many requests for leave wait for a decision.
    pending_leave: u32,
    /// The names of those on approved leave today.
    on_leave_today: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
struct Department {
    name: String,
    employees: u32,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} employees.", self.employees)?;
        for Department { name, employees } in &self.departments {
            write!(f, "\n{name}: {employees}")?;
        }
        write!(f, "\nRequests for leave that are pending: {}.", self.pending_leave)?;
        match self.on_leave_today.as_slice() {
            [] => write!(f, "\nNobody is on leave today."),
            names => write!(f, "\nOn leave today: {}.", names.join(", ")),
        }
    }
}
