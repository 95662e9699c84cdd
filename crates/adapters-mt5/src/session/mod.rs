//! The session with a bridge: who it is, that both have the secret, that nothing is missing, that it is alive.
//!
//! The deciding parts are pure ([`Handshake`], [`Flow`], the proofs); the socket is a thin shell around them.

mod flow;
mod handshake;
mod proof;
mod secret;
mod serve;
pub(crate) mod talk;
mod tls;

pub use flow::{Arrival, Flow};
pub use handshake::{Admitted, Handshake, Pins, Terms};
pub use proof::{bridge_proof, bridge_proves, engine_proof, engine_proves};
pub use secret::{Secret, SecretError, nonce};
pub use serve::{Admission, ListenError, ListenSettings, Listening, TlsFiles, serve};

#[cfg(test)]
mod tests;
