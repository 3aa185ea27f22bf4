//! Staff and their leave.

mod leave;
mod staff;
mod summary;

use crate::tool::{Effect, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "hr_list_employees",
            "List employees",
            Effect::Reads,
            "Lists employees with their ids, all of them or those of one department.",
            staff::list,
        ),
        Tool::new(
            "hr_add_employee",
            "Add an employee",
            Effect::Adds,
            "Adds an employee. The e-mail address must not be in use. Returns the new id.",
            staff::add,
        ),
        Tool::new(
            "hr_request_leave",
            "Request leave",
            Effect::Adds,
            "Requests leave for an employee, first and last day included. It is pending until \
             hr_decide_leave decides it, and may not overlap other leave of that employee.",
            leave::request,
        ),
        Tool::new(
            "hr_list_leave",
            "List leave",
            Effect::Reads,
            "Lists requests for leave with their ids and states: all of them, those in one \
             state, or those of one employee.",
            leave::list,
        ),
        Tool::new(
            "hr_decide_leave",
            "Decide on leave",
            Effect::Replaces,
            "Approves or rejects a pending request for leave, by its id from hr_list_leave. \
             A decision is final.",
            leave::decide,
        ),
        Tool::new(
            "hr_summary",
            "Summary of staff",
            Effect::Reads,
            "Tells how many employees each department has, how many requests for leave are \
             pending, and who is on leave today.",
            summary::summary,
        ),
    ]
}
