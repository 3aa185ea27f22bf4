//! Which lines are wanted.

use audit::Record;
use jiff::Timestamp;

use crate::cli::Show;

/// All that was asked for has to be so.
pub(crate) struct Filter {
    user: Option<String>,
    tool: Option<String>,
    decision: Option<&'static str>,
    trace_id: Option<String>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Filter {
    pub(crate) fn of(options: &Show) -> Self {
        Self {
            user: options.user.clone(),
            tool: options.tool.clone(),
            decision: options.decision.map(|decision| decision.name()),
            trace_id: options.trace_id.clone(),
            since: options.since,
            until: options.until,
        }
    }

    pub(crate) fn lets_through(&self, record: &Record) -> bool {
        // Where a file begins is nothing to look at.
        record.event.as_deref() != Some("opened")
            && is(self.user.as_deref(), record.user.as_deref())
            && is(self.tool.as_deref(), record.tool.as_deref())
            && is(self.decision, record.decision.as_deref())
            && is(self.trace_id.as_deref(), record.trace_id.as_deref())
            && self.is_in_time(record)
    }

    fn is_in_time(&self, record: &Record) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        // A line without a time is from no time.
        let Ok(time) = record.time.parse::<Timestamp>() else { return false };
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time <= until)
    }
}

fn is(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}
