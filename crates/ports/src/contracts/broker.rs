//! What every [`Broker`](crate::Broker) has to keep.
