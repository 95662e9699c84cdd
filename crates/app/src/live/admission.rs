//! Who may come in: the account that the operator named, demo before real, and each session with an epoch of its own.

use std::sync::Arc;
use std::time::SystemTime;

use alavanca_adapters_mt5::session::{Admission, Admitted, Pins};
use alavanca_adapters_mt5::wire::{AccountIdentity, Hello, Refuse, RefuseReason, TradeMode};
use alavanca_adapters_sqlite::LiveBook;
use alavanca_kernel::{AccountMode, Timestamp};
use async_trait::async_trait;

/// The machine's clock, for what is told and noted. Nothing is traded by it.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// What a bridge's account has to be.
#[derive(Debug, Clone)]
pub struct AccountRule {
    /// The number that the operator named; any where none was (a dry run, paper).
    pub login: Option<String>,
    /// Netting or hedging, as the settings say or the market's usual.
    pub mode: AccountMode,
    /// Whether it may be real money.
    pub real_allowed: bool,
    /// Whether orders are sent.
    pub armed: bool,
    /// What the database is of.
    pub pinned: Option<AccountIdentity>,
}

impl AccountRule {
    /// Holds an account against it.
    ///
    /// # Errors
    /// What is wrong with it and what to do, in words.
    pub fn check(&self, account: &AccountIdentity) -> Result<(), String> {
        if let Some(login) = &self.login
            && account.login.to_string() != *login
        {
            return Err(format!(
                "the terminal is logged in to account {}, and --account says {login}: log it in to {login}, or name \
                 the other",
                account.login
            ));
        }
        Pins(self.pinned.clone()).check(account).map_err(|refuse| refuse.text)?;
        let is = mode_of(account.margin_mode);
        if is != Some(self.mode) {
            let is = is.map_or_else(|| format!("of margin mode {}", account.margin_mode), |mode| mode.to_string());
            return Err(format!(
                "account {} is {is}, and this run is set up for {}: set ACCOUNT_MODE={is}, or log in to another account",
                account.login, self.mode
            ));
        }
        if self.armed && account.trade_mode == TradeMode::Real && !self.real_allowed {
            return Err(format!(
                "account {} on {} is REAL MONEY: run it on a demo account first; then add --real, and --after-demo \
                 DEMO.sqlite (the database of an armed demo run) or --without-demo",
                account.login, account.server
            ));
        }
        Ok(())
    }
}

/// `ACCOUNT_MARGIN_MODE`.
pub fn mode_of(margin_mode: u32) -> Option<AccountMode> {
    match margin_mode {
        0 | 1 => Some(AccountMode::Netting),
        2 => Some(AccountMode::Hedging),
        _ => None,
    }
}

/// Lets bridges in by the rule, each with an epoch that is on the disk first.
#[derive(Debug)]
pub struct Gatekeeper {
    rule: AccountRule,
    book: Arc<LiveBook>,
}

impl Gatekeeper {
    /// By this rule, noted in this book.
    pub fn new(rule: AccountRule, book: Arc<LiveBook>) -> Self {
        Self { rule, book }
    }
}

#[async_trait]
impl Admission for Gatekeeper {
    async fn admit(&mut self, hello: &Hello) -> Result<Admitted, Refuse> {
        let account = &hello.account;
        self.rule.check(account).map_err(|text| Refuse { reason: RefuseReason::Account, text })?;
        let failed = |text: String| Refuse { reason: RefuseReason::Epoch, text };
        let told = serde_json::to_string(account).map_err(|error| failed(error.to_string()))?;
        if self.rule.pinned.is_none() {
            let pinned = self.book.pin_account(&told).await;
            pinned.map_err(|error| Refuse { reason: RefuseReason::Account, text: error.to_string() })?;
            self.rule.pinned = Some(account.clone());
        }
        let armed = self.rule.armed;
        let epoch = self.book.next_epoch(hello.epoch_seen, &told, armed, wall()).await;
        Ok(Admitted { epoch: epoch.map_err(|error| failed(error.to_string()))?, armed })
    }
}

#[cfg(test)]
mod tests {
    use super::{AccountIdentity, AccountMode, AccountRule, TradeMode};
    use alavanca_adapters_mt5::wire::Id;

    fn account() -> AccountIdentity {
        AccountIdentity {
            login: Id(12_345),
            server: "Demo".to_owned(),
            company: "Broker".to_owned(),
            trade_mode: TradeMode::Demo,
            margin_mode: 1,
            currency: "BRL".to_owned(),
            currency_digits: 2,
        }
    }

    fn rule() -> AccountRule {
        AccountRule {
            login: Some("12345".to_owned()),
            mode: AccountMode::Netting,
            real_allowed: false,
            armed: true,
            pinned: Some(account()),
        }
    }

    #[test]
    fn another_account_is_refused_with_what_to_do() {
        assert_eq!(rule().check(&account()), Ok(()));
        let real = AccountIdentity { trade_mode: TradeMode::Real, ..account() };
        for (other, rule, says) in [
            (AccountIdentity { login: Id(12_346), ..account() }, rule(), "--account says 12345"),
            (AccountIdentity { login: Id(12_346), ..account() }, AccountRule { login: None, ..rule() }, "pinned"),
            (AccountIdentity { server: "Other".to_owned(), ..account() }, rule(), "pinned is Demo"),
            (
                AccountIdentity { margin_mode: 2, ..account() },
                AccountRule { pinned: None, ..rule() },
                "ACCOUNT_MODE=HEDGING",
            ),
            (real.clone(), AccountRule { pinned: None, ..rule() }, "REAL MONEY"),
        ] {
            let refused = rule.check(&other).unwrap_err();
            assert!(refused.contains(says), "{refused}");
        }
        let real_wanted = AccountRule { pinned: None, real_allowed: true, ..rule() };
        assert_eq!(real_wanted.check(&real), Ok(()));
        // Nothing is sent by a dry run.
        assert_eq!(AccountRule { pinned: None, armed: false, ..rule() }.check(&real), Ok(()));
    }
}
