//! A TCP proxy before PostgreSQL that cuts a connection at COMMIT: before the server heard it, or before the client
//! hears that it was done.
//!
//! It reads the wire protocol no further than it must: the first message of a connection has no type, every other
//! has one byte of type and four of length; a simple query is `Q` and its text.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// When the connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The server never hears the COMMIT.
    Before,
    /// The server has committed; the client does not hear of it.
    After,
}

#[derive(Default)]
struct Orders {
    cuts: Vec<(u64, Moment)>,
    made: u64,
}

/// A running proxy.
pub(crate) struct Proxy {
    addr: SocketAddr,
    orders: Arc<Mutex<Orders>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let orders = Arc::new(Mutex::new(Orders::default()));
        let shared = Arc::clone(&orders);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                drop(tokio::spawn(carry(client, server, Arc::clone(&shared))));
            }
        });
        Self {
            addr,
            orders,
            accepting,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Orders a cut at the `nth` COMMIT from now on, counted from one.
    pub(crate) fn cut(&self, nth: u64, moment: Moment) {
        self.orders.lock().unwrap().cuts.push((nth, moment));
    }

    /// How many cuts were made; those still ordered stay.
    pub(crate) fn made_so_far(&self) -> u64 {
        self.orders.lock().unwrap().made
    }

    /// How many cuts were made since the last time, and takes back those still ordered.
    pub(crate) fn made(&self) -> u64 {
        let mut orders = self.orders.lock().unwrap();
        orders.cuts.clear();
        std::mem::take(&mut orders.made)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Orders {
    /// A COMMIT passes: whether it is to be cut at.
    fn at_commit(&mut self) -> Option<Moment> {
        for (left, _) in &mut self.cuts {
            *left = left.saturating_sub(1);
        }
        let place = self.cuts.iter().position(|(left, _)| *left == 0)?;
        self.made += 1;
        Some(self.cuts.swap_remove(place).1)
    }
}

async fn carry(client: TcpStream, server: SocketAddr, orders: Arc<Mutex<Orders>>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    drop((client.set_nodelay(true), server.set_nodelay(true)));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let silent = Arc::new(AtomicBool::new(false));
    // Whichever ends first ends both: the connection is cut on both sides.
    tokio::select! {
        _ = upwards(from_client, to_server, &orders, &silent) => {}
        _ = downwards(from_server, to_client, &silent) => {}
    }
}

async fn upwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    orders: &Mutex<Orders>,
    silent: &AtomicBool,
) -> std::io::Result<()> {
    let mut is_first = true;
    loop {
        let message = message(&mut from, is_first).await?;
        is_first = false;
        if is_commit(&message) {
            let cut = orders.lock().unwrap().at_commit();
            match cut {
                Some(Moment::Before) => return Ok(()),
                Some(Moment::After) => silent.store(true, Ordering::SeqCst),
                None => {}
            }
        }
        to.write_all(&message).await?;
    }
}

async fn downwards(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    silent: &AtomicBool,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 || silent.load(Ordering::SeqCst) {
            return Ok(());
        }
        to.write_all(&buffer[..read]).await?;
    }
}

/// One whole message of the client.
async fn message(from: &mut OwnedReadHalf, is_first: bool) -> std::io::Result<Vec<u8>> {
    let head = if is_first { 4 } else { 5 };
    let mut message = vec![0; head];
    from.read_exact(&mut message).await?;
    let length = u32::from_be_bytes(message[head - 4..].try_into().unwrap());
    message.resize(head - 4 + usize::try_from(length).unwrap(), 0);
    from.read_exact(&mut message[head..]).await?;
    Ok(message)
}

fn is_commit(message: &[u8]) -> bool {
    message.first() == Some(&b'Q') && message.get(5..) == Some(b"COMMIT\0")
}
