//! When a certificate ends, which is told before it does.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use mcp_auth::metrics::{self, EXPIRY};
use rustls_pki_types::CertificateDer;

/// When the certificates in use end, in seconds since 1970. Clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Expiry(Arc<AtomicI64>);

impl Expiry {
    /// Of this chain, for as long as a clone of this is there.
    pub(crate) fn of(chain: &[CertificateDer<'_>]) -> Self {
        let end = Arc::new(AtomicI64::new(first_end(chain)));
        metrics::watch(&end, |end, gauges| {
            // One that cannot be read has no end that could be told.
            let end = Some(end.load(Ordering::Relaxed)).filter(|end| *end != i64::MAX);
            if let Some(end) = end {
                gauges.least(EXPIRY, Some(("what", "tls_certificate")), end as f64);
            }
        });
        Self(end)
    }

    /// Another chain is in use now.
    pub(crate) fn replace(&self, chain: &[CertificateDer<'_>]) {
        self.0.store(first_end(chain), Ordering::Relaxed);
    }
}

fn first_end(chain: &[CertificateDer<'_>]) -> i64 {
    let ends = chain.iter().filter_map(|one| not_after(one).ok());
    ends.min().map_or(i64::MAX, |end| i64::try_from(end.as_secs()).unwrap_or(i64::MAX))
}

/// The `notAfter` of a certificate (RFC 5280 §4.1), as the time since 1970.
fn not_after(certificate: &[u8]) -> der::Result<Duration> {
    let certificate = AnyRef::from_der(certificate)?;
    let signed: AnyRef<'_> = SliceReader::new(certificate.value())?.decode()?;
    let mut fields = SliceReader::new(signed.value())?;
    if Tag::peek(&fields)?.is_context_specific() {
        fields.tlv_bytes()?; // version
    }
    fields.tlv_bytes()?; // serialNumber
    fields.tlv_bytes()?; // signature
    fields.tlv_bytes()?; // issuer
    let validity: AnyRef<'_> = fields.decode()?;
    let mut validity = SliceReader::new(validity.value())?;
    validity.tlv_bytes()?; // notBefore
    let end: AnyRef<'_> = validity.decode()?;
    match end.tag() {
        Tag::UtcTime => Ok(end.decode_as::<UtcTime>()?.to_unix_duration()),
        _ => Ok(end.decode_as::<GeneralizedTime>()?.to_unix_duration()),
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;

    use super::*;

    fn chain(days: u32) -> (Vec<CertificateDer<'static>>, i64) {
        let made = keygen::cert::generate(&[], days).unwrap();
        let chain = CertificateDer::pem_slice_iter(made.cert_pem.as_bytes());
        (chain.collect::<Result<_, _>>().unwrap(), made.end.as_second())
    }

    #[test]
    fn a_chain_ends_with_the_first_of_its_certificates() {
        // The second ends in the years that need another form of time (RFC 5280 §4.1.2.5).
        for days in [1, 365 * 40] {
            let (chain, end) = chain(days);
            assert_eq!(first_end(&chain), end, "{days} days");
        }
        let (mut both, _) = chain(90);
        let (soon, end) = chain(3);
        both.extend(soon);
        assert_eq!(first_end(&both), end);
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let (chain, _) = chain(1);
        for length in 0..chain[0].len().min(200) {
            assert!(not_after(&chain[0][..length]).is_err(), "{length} bytes");
        }
        assert_eq!(first_end(&[CertificateDer::from_slice(b"nothing")]), i64::MAX);
    }
}
