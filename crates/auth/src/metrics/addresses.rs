//! From how many addresses each credential was used lately.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::guard::limit::site;

/// What is many, and the same as a word.
pub(super) const THRESHOLDS: [(usize, &str); 3] = [(4, "4"), (8, "8"), (16, "16")];

/// What is lately.
const WINDOW: Duration = Duration::from_secs(10 * 60);

/// Most credentials that are watched at a time; some three megabytes. Others wait for the place
/// of one that was not used lately.
const MOST: usize = 8192;

/// Most addresses that are told apart of one credential: more are as many.
const MOST_ADDRESSES: usize = 17;

/// Of credentials and addresses only hashes are kept, under a key of this process.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    hash: RandomState,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    credentials: HashMap<u64, Vec<Seen>>,
    swept: Option<Instant>,
}

/// An address, and when it was used last.
#[derive(Clone, Copy, Debug)]
struct Seen {
    address: u64,
    last: Instant,
}

impl Addresses {
    /// A credential of that name was used from there.
    pub(super) fn used(&self, credential: (&str, &str), from: IpAddr) {
        self.used_at(credential, from, Instant::now());
    }

    /// How many credentials were used from more than each of [`THRESHOLDS`] addresses.
    pub(super) fn used_from_many(&self) -> [usize; THRESHOLDS.len()] {
        self.used_from_many_at(Instant::now())
    }

    fn used_at(&self, credential: (&str, &str), from: IpAddr, now: Instant) {
        let key = self.hash.hash_one(credential);
        let address = self.hash.hash_one(site(from));
        let mut table = self.lock();
        if table.credentials.len() >= MOST && !table.credentials.contains_key(&key) {
            // Once a minute at most: it goes through all of them.
            if table.swept.is_some_and(|then| now - then < Duration::from_secs(60)) {
                return;
            }
            table.swept = Some(now);
            table.credentials.retain(|_, seen| seen.iter().any(|seen| seen.is_late(now)));
            if table.credentials.len() >= MOST {
                return;
            }
        }
        let seen = table.credentials.entry(key).or_default();
        if let Some(known) = seen.iter_mut().find(|seen| seen.address == address) {
            known.last = now;
            return;
        }
        seen.retain(|seen| seen.is_late(now));
        if seen.len() < MOST_ADDRESSES {
            seen.push(Seen { address, last: now });
        }
    }

    fn used_from_many_at(&self, now: Instant) -> [usize; THRESHOLDS.len()] {
        let table = self.lock();
        let counts: Vec<usize> = table
            .credentials
            .values()
            .map(|seen| seen.iter().filter(|seen| seen.is_late(now)).count())
            .collect();
        THRESHOLDS.map(|(most, _)| counts.iter().filter(|count| **count > most).count())
    }

    /// A panic elsewhere leaves the table whole: every change to it is one call.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn is_late(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last) < WINDOW
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(0xC000_0200 + number).into()
    }

    #[test]
    fn a_credential_is_counted_once_it_is_used_from_many_addresses_and_no_longer() {
        let addresses = Addresses::default();
        let start = Instant::now();
        for number in 0..4 {
            addresses.used_at(("issuer", "key"), address(number), start);
            addresses.used_at(("issuer", "key"), address(number), start);
        }
        assert_eq!(addresses.used_from_many_at(start), [0, 0, 0]);
        addresses.used_at(("other issuer", "key"), address(4), start);
        assert_eq!(addresses.used_from_many_at(start), [0, 0, 0], "another credential");
        addresses.used_at(("issuer", "key"), address(4), start);
        assert_eq!(addresses.used_from_many_at(start), [1, 0, 0]);
        for number in 0..100 {
            addresses.used_at(("issuer", "key"), address(number), start);
        }
        assert_eq!(addresses.used_from_many_at(start), [1, 1, 1]);
        assert_eq!(addresses.used_from_many_at(start + WINDOW), [0, 0, 0], "all is forgotten");
    }

    #[test]
    fn a_site_of_ipv6_is_one_address() {
        let addresses = Addresses::default();
        for number in 0..100_u32 {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            addresses.used(("issuer", "key"), address);
        }
        assert_eq!(addresses.used_from_many(), [0, 0, 0]);
    }

    #[test]
    fn any_number_of_credentials_takes_no_more_room_than_some() {
        let addresses = Addresses::default();
        let start = Instant::now();
        for number in 0..2 * MOST {
            addresses.used_at(("issuer", &number.to_string()), address(1), start);
        }
        assert_eq!(addresses.lock().credentials.len(), MOST);
        // Those that are not used any more make room.
        let later = start + WINDOW + Duration::from_secs(60);
        for number in 0..MOST_ADDRESSES as u32 {
            addresses.used_at(("issuer", "new"), address(number), later);
        }
        assert_eq!(addresses.used_from_many_at(later), [1, 1, 1]);
        assert_eq!(addresses.lock().credentials.len(), 1);
    }
}
