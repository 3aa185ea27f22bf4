//! The comparison can say that something is wrong.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use compare::situations::{Check, SITUATIONS, Sent};
use compare::{ABILITIES, Kind, Machine, Report, Style, World, observe};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_expected_is_marked_as_wrong() {
    let world = World::start().await.unwrap();
    let mut situation = SITUATIONS[0];
    for (status, error, right) in
        [(401, None, true), (200, None, false), (401, Some("invalid_token"), false)]
    {
        situation.check = Check::Door { sent: Sent::Nothing, status, error };
        let row = observe(&world, &situation).await;
        assert_eq!(row.is_right(), right, "{row:?}");
        assert_eq!(row.cells.len(), Kind::ALL.len());
        assert!(row.cells.values().all(|cell| cell.status == "401" && cell.right == right));
        let report = Report {
            right: row.is_right(),
            machine: Machine::here(),
            situations: vec![row],
            costs: vec![],
            abilities: &ABILITIES,
            peers: None,
        };
        let text = report.text(Style::Markdown);
        assert_eq!(text.contains('✗'), !right, "{text}");
    }
    world.stop().await;
}
