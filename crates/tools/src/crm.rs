//! Customers: who they are, what was said, what they may buy.

mod customers;
mod interactions;
mod opportunities;
mod summary;

use crate::tool::{Effect, Tool};

pub(crate) fn tools() -> Vec<Tool> {
    vec![
        Tool::new(
            "crm_list_customers",
            "List customers",
            Effect::Reads,
            "Lists customers with their ids, all of them or those with one status.",
            customers::list,
        ),
        Tool::new(
            "crm_add_customer",
            "Add a customer",
            Effect::Adds,
            "Adds a customer. The e-mail address must not be in use. Returns the new id.",
            customers::add,
        ),
        Tool::new(
            "crm_set_customer_status",
            "Set a customer's status",
            Effect::Replaces,
            "Sets the status of a customer, by its id from crm_list_customers.",
            customers::set_status,
        ),
        Tool::new(
            "crm_record_interaction",
            "Record an interaction",
            Effect::Adds,
            "Records a call, an e-mail, a meeting or a note with a customer, under your name.",
            interactions::record,
        ),
        Tool::new(
            "crm_list_interactions",
            "List interactions",
            Effect::Reads,
            "Lists what was recorded of customers, the newest first: all, or of one customer.",
            interactions::list,
        ),
        Tool::new(
            "crm_create_opportunity",
            "Create an opportunity",
            Effect::Adds,
            "Creates a sale that may come of a customer: what, for how many whole euros, and \
             by which day. Returns the new id.",
            opportunities::create,
        ),
        Tool::new(
            "crm_list_opportunities",
            "List opportunities",
            Effect::Reads,
            "Lists the sales that may come, the next first: all, or those of one customer.",
            opportunities::list,
        ),
        Tool::new(
            "crm_summary",
            "Summary of customers",
            Effect::Reads,
            "Tells how many customers have each status, how many interactions were recorded, \
             and what all opportunities are worth together.",
            summary::summary,
        ),
    ]
}
