//! What a session was used with.

use crate::Identity;

/// All rights of all credentials that a session was used with.
#[derive(Debug, Default)]
pub(super) struct Rights {
    roles: Vec<String>,
    scopes: Vec<String>,
    grants: Vec<String>,
}

impl Rights {
    pub(super) fn add(&mut self, identity: &Identity) {
        for (all, more) in [
            (&mut self.roles, &identity.roles),
            (&mut self.scopes, &identity.scopes),
            (&mut self.grants, &identity.grants),
        ] {
            let new: Vec<_> = more.iter().filter(|one| !all.contains(one)).cloned().collect();
            all.extend(new);
        }
    }

    pub(super) fn are_within(&self, identity: &Identity) -> bool {
        let within = |all: &[String], those: &[String]| all.iter().all(|one| those.contains(one));
        within(&self.roles, &identity.roles)
            && within(&self.scopes, &identity.scopes)
            && within(&self.grants, &identity.grants)
    }
}
