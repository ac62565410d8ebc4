//! Places for connections: so many in all, and so many for one address, so that nobody who opens
//! many and says nothing leaves none to the others.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of a service.
pub struct Places {
    all: Arc<Semaphore>,
    all_max: u32,
    peer_max: u32,
    /// No more entries than connections.
    peers: Mutex<FxHashMap<IpAddr, u32>>,
}

/// A place in all; the peer of the connection is not known yet.
pub struct Free(OwnedSemaphorePermit);

/// A connection's place, given back when dropped.
pub struct Place {
    places: Arc<Places>,
    peer: IpAddr,
    _free: OwnedSemaphorePermit,
}

impl Places {
    /// So many, of which one address may have so many.
    pub fn new(all_max: u32, peer_max: u32) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(all_max as usize));
        Arc::new(Self { all, all_max, peer_max, peers: Mutex::default() })
    }

    /// Waits for a place. Who waits longer than that waits in the system's queue.
    pub async fn free(&self) -> Option<Free> {
        Arc::clone(&self.all).acquire_owned().await.ok().map(Free)
    }

    /// Gives a place to a peer; none when it has its share.
    pub fn take(self: &Arc<Self>, free: Free, peer: IpAddr) -> Option<Place> {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = peers.entry(peer).or_default();
        if *taken >= self.peer_max {
            return None;
        }
        *taken += 1;
        Some(Place { places: Arc::clone(self), peer, _free: free.0 })
    }

    /// Waits until every connection has ended.
    pub async fn all_free(&self) {
        let _ = self.all.acquire_many(self.all_max).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut peers = self.places.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = peers.get_mut(&self.peer) {
            *taken -= 1;
            if *taken == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}
