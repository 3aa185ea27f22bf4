//! How many connections there may be, and which of them are cut off.

use std::collections::HashMap;
use std::future::{Ready, ready};
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum_server::accept::Accept;
use mcp_auth::guard::peer::Proxies;
use mcp_auth::metrics::{self, CONNECTIONS_OPEN, WHY_ADDRESS, WHY_FULL};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Of so many connections one address may have a single one: a quarter of all.
///
/// Without it, whoever opens enough of them keeps everybody else out.
const SHARE: usize = 4;

/// How often it is told that connections are closed because there are too many.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// Takes a connection if there is room for it, and else closes it at once.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    most: usize,
    proxies: Arc<Proxies>,
    slow_reader: Duration,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    open: usize,
    by_address: HashMap<IpAddr, usize>,
    /// Closed since that was told last.
    closed: u64,
    told: Option<Instant>,
}

/// The place of one connection, given back when it is dropped.
#[derive(Debug)]
struct Place {
    address: IpAddr,
    inner: Arc<Inner>,
}

/// A connection that has a place.
#[derive(Debug)]
pub(crate) struct Admitted {
    stream: TcpStream,
    slow_reader: Duration,
    /// Runs while something cannot be sent.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Admission {
    /// Room for `most` connections at a time. An address has a quarter of them, unless it is
    /// one of the proxies, which call for many.
    ///
    /// `slow_reader` is how long a client may take nothing of what it is sent.
    pub(crate) fn new(most: usize, proxies: Arc<Proxies>, slow_reader: Duration) -> Self {
        Self(Arc::new(Inner { most, proxies, slow_reader, table: Mutex::default() }))
    }

    /// Lets those of this listener be counted.
    pub(crate) fn counted(self, listener: &'static str) -> Self {
        metrics::watch(&self.0, move |inner, gauges| {
            let open = inner.table().open as f64;
            gauges.add(CONNECTIONS_OPEN, Some(("listener", listener)), open);
        });
        self
    }

    fn admit(&self, connection: IpAddr) -> Option<Place> {
        let inner = &self.0;
        let address = whose(connection);
        let mut table = inner.table();
        let own = table.by_address.get(&address).copied().unwrap_or(0);
        let share = (inner.most / SHARE).max(1);
        let why = if table.open >= inner.most {
            Some((WHY_FULL, "the server has as many connections as --max-connections lets it"))
        } else if own >= share && !inner.proxies.contains(connection) {
            Some((
                WHY_ADDRESS,
                "an address has a quarter of --max-connections; if it is a proxy's, name it with \
                 --trusted-proxy",
            ))
        } else {
            None
        };
        if let Some((word, why)) = why {
            table.closed += 1;
            metrics::connection_refused(word);
            if table.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                table.told = Some(Instant::now());
                let closed = std::mem::take(&mut table.closed);
                tracing::warn!(closed, open = table.open, %address, "connections are closed: {why}");
            }
            return None;
        }
        table.open += 1;
        *table.by_address.entry(address).or_default() += 1;
        Some(Place { address, inner: Arc::clone(inner) })
    }

    fn take(&self, stream: TcpStream) -> io::Result<Admitted> {
        let connection = stream.peer_addr()?.ip().to_canonical();
        let place = self
            .admit(connection)
            .ok_or_else(|| io::Error::other("there is no room for this connection"))?;
        stream.set_nodelay(true)?;
        let slow_reader = self.0.slow_reader;
        // A client whose machine has gone away acknowledges nothing, and one that does not read
        // acknowledges that it has no room. Of both the system ends the connection after this
        // time, even when all that was written fits into its buffer, as the pings of a stream
        // of events do; by itself it would try for a quarter of an hour.
        SockRef::from(&stream).set_tcp_user_timeout(Some(slow_reader))?;
        Ok(Admitted { stream, slow_reader, stalled: None, _place: place })
    }
}

impl<S> Accept<TcpStream, S> for Admission {
    type Stream = Admitted;
    type Service = S;
    type Future = Ready<io::Result<(Admitted, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        ready(self.take(stream).map(|stream| (stream, service)))
    }
}

impl Inner {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.inner.table();
        table.open -= 1;
        if let Some(own) = table.by_address.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                table.by_address.remove(&self.address);
            }
        }
    }
}

/// Whoever has one IPv6 address usually has the whole /64 that it is in.
fn whose(connection: IpAddr) -> IpAddr {
    match connection {
        IpAddr::V4(_) => connection,
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
    }
}

impl Admitted {
    /// Lets a client that takes nothing for too long be cut off.
    ///
    /// The system judges by acknowledgements, which a client can send without reading on; this
    /// judges by what the program gets rid of.
    fn sent<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.slow_reader)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Admitted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Admitted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.sent(cx, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.sent(cx, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(most: usize) -> Admission {
        let proxies = ["10.0.0.0/8".parse().unwrap()].into_iter().collect();
        Admission::new(most, Arc::new(proxies), Duration::from_secs(1))
    }

    fn admit(admission: &Admission, address: &str) -> Option<Place> {
        admission.admit(address.parse().unwrap())
    }

    #[test]
    fn one_address_has_a_quarter_and_a_proxy_has_all() {
        let some = admission(8);
        let one = [(); 2].map(|()| admit(&some, "192.0.2.1").unwrap());
        assert!(admit(&some, "192.0.2.1").is_none());
        let proxy = [(); 6].map(|()| admit(&some, "10.0.0.1").unwrap());
        assert!(admit(&some, "10.0.0.1").is_none() && admit(&some, "192.0.2.2").is_none());
        drop(proxy);
        assert!(admit(&some, "192.0.2.2").is_some());
        drop(one);
        assert!(admit(&some, "192.0.2.1").is_some());
    }

    #[test]
    fn neighbours_in_ipv6_are_one_address() {
        let some = admission(4);
        let _one = admit(&some, "2001:db8::1").unwrap();
        assert!(admit(&some, "2001:db8::2").is_none());
        assert!(admit(&some, "2001:db8:0:1::1").is_some());
    }

    #[test]
    fn a_flood_is_told_once() {
        let some = admission(4);
        let _one = admit(&some, "192.0.2.1").unwrap();
        for _ in 0..1000 {
            assert!(admit(&some, "192.0.2.1").is_none());
        }
        // Counted, to be told in a minute.
        assert_eq!(some.0.table().closed, 999);
    }

    #[test]
    fn nothing_is_kept_of_connections_that_ended() {
        let some = admission(8);
        for number in 0..1000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0xC000_0200 + number);
            assert!(some.admit(address.into()).is_some());
        }
        let table = some.0.table();
        assert!(table.open == 0 && table.by_address.is_empty(), "{table:?}");
    }
}
