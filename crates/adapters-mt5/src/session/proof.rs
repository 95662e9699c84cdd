use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Secret;
use super::secret::hex;
use crate::codec::is_hex;
use crate::wire::{Auth, BRIDGE_PROOF, ENGINE_PROOF, Hello, TradeMode};

/// The proof that belongs into a [`Hello`] (its own `proof` is not looked at): HMAC-SHA256, its key the 32 bytes of the
/// secret.
pub fn bridge_proof(secret: &Secret, engine_nonce: &str, hello: &Hello) -> String {
    hex(&bridge_mac(secret, engine_nonce, hello).finalize().into_bytes())
}

/// The proof that belongs into an [`Auth`].
pub fn engine_proof(secret: &Secret, bridge_nonce: &str, engine_nonce: &str, auth: &Auth) -> String {
    hex(&engine_mac(secret, bridge_nonce, engine_nonce, auth).finalize().into_bytes())
}

/// Whether the bridge has the secret. Takes as long for any wrong proof.
pub fn bridge_proves(secret: &Secret, engine_nonce: &str, hello: &Hello) -> bool {
    holds(bridge_mac(secret, engine_nonce, hello), &hello.proof)
}

/// Whether the engine has the secret. Takes as long for any wrong proof.
pub fn engine_proves(secret: &Secret, bridge_nonce: &str, engine_nonce: &str, auth: &Auth) -> bool {
    holds(engine_mac(secret, bridge_nonce, engine_nonce, auth), &auth.proof)
}

fn bridge_mac(secret: &Secret, engine_nonce: &str, hello: &Hello) -> Hmac<Sha256> {
    let account = &hello.account;
    let trade_mode = match account.trade_mode {
        TradeMode::Demo => "demo",
        TradeMode::Contest => "contest",
        TradeMode::Real => "real",
    };
    mac(
        secret,
        &[
            BRIDGE_PROOF,
            engine_nonce,
            &hello.nonce,
            &hello.instance,
            &account.login.to_string(),
            &account.server,
            trade_mode,
            &account.margin_mode.to_string(),
            &account.currency,
        ],
    )
}

fn engine_mac(secret: &Secret, bridge_nonce: &str, engine_nonce: &str, auth: &Auth) -> Hmac<Sha256> {
    let armed = if auth.armed { "true" } else { "false" };
    mac(secret, &[ENGINE_PROOF, bridge_nonce, engine_nonce, &auth.session, &auth.epoch.to_string(), armed])
}

fn mac(secret: &Secret, parts: &[&str]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.key());
    mac.expect("HMAC takes a key of any length").chain_update(parts.join("\n").as_bytes())
}

fn holds(mac: Hmac<Sha256>, proof: &str) -> bool {
    let Some(claimed) = Secret::from_hex(proof).filter(|_| is_hex(proof, 64)) else { return false };
    mac.verify_slice(claimed.key()).is_ok()
}
