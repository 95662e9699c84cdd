//! Trading days: where a day's money is counted from, and the statement that is kept when the day has ended.

use std::time::{Duration, Instant};

use alavanca_adapters_sqlite::Booked;
use alavanca_kernel::{Money, TradingDay};
use alavanca_ports::Severity;

use super::admission::wall;
use super::ground::Seen;
use super::latency::Latency;
use super::mailbox::MailboxError;
use super::notices::OperatorLog;
use super::run::{LiveError, known};
use super::statement::{Baseline, BooksOfDay, Statement};
use super::status::{Mode, Phase};
use super::turning::Turning;

/// A day whose books do not agree yet is tried again after this.
const AGAIN: Duration = Duration::from_millis(500);
/// One whose statement could not be written, after this.
const AGAIN_TO_WRITE: Duration = Duration::from_mins(1);

impl Turning {
    /// Where the market is in another trading day than the money is counted for: keeps the statement of the day that is
    /// over, and begins the new one. Both are of one moment, in which books and broker agree and no order is under way;
    /// until it comes, the day that is over goes on. What is open stays open.
    pub(super) async fn turn_day(&mut self, log: &mut OperatorLog) {
        let now = self.market_now();
        if known(now).is_none() || Instant::now() < self.day_at {
            return;
        }
        let day = self.ground.day_of(now);
        if self.ground.baseline.is_some_and(|before| before.day == day) {
            return;
        }
        self.day_at = Instant::now() + AGAIN;
        if let Err(error) = self.begin(TradingDay::from_days(day), log).await {
            self.day_at = Instant::now() + AGAIN_TO_WRITE;
            log.tell(Severity::Critical, &format!("the trading day could not be turned: {error}"), wall());
        }
    }

    async fn begin(&mut self, day: TradingDay, log: &mut OperatorLog) -> Result<(), LiveError> {
        let Some(booked) = self.settled(log).await? else { return Ok(()) };
        let Some(account) = self.last_account else { return Ok(()) };
        if self.ground.baseline.is_some() {
            self.write_status(Phase::Running);
            let mut statement = self.statement("the trading day ended").await?;
            self.keep(&mut statement, log)?;
            self.ground.latency = Latency::default();
            self.ground.seen = self.seen();
        }
        let Booked { net, base, fills, commission, trades } = booked;
        let (at, balance) = (self.market_now(), account.balance);
        let baseline = Baseline { day: day.days(), at, balance, net, base, fills, commission, trades };
        baseline.keep(&self.ground.baseline_file());
        self.ground.baseline = Some(baseline);
        log.tell(Severity::Info, &format!("the day {day} begins with {balance} at the broker"), wall());
        Ok(())
    }

    /// What the books come to in a moment in which they and the money are of one state: nothing was booked while the
    /// account was read. None where there is no such moment now.
    async fn settled(&mut self, log: &mut OperatorLog) -> Result<Option<Booked>, LiveError> {
        let readings = self.venue().mt5().desk().readings();
        if self.is_waiting() || !self.venue().mt5().desk().is_ready() {
            return Ok(None);
        }
        let booked = self.ground.book.booked().await?;
        self.read_account(log).await;
        self.reconcile(log).await;
        let paper = self.ground.request.mode == Mode::Paper;
        let read = paper || self.venue().mt5().desk().readings() > readings;
        let agreed = self.ground.status.reconciled.as_ref().is_some_and(|last| last.differences.is_empty());
        let still = read && agreed && !self.is_waiting() && self.ground.book.booked().await? == booked;
        Ok(still.then_some(booked))
    }

    /// Keeps a day's statement, and says where.
    pub(super) fn keep(&mut self, statement: &mut Statement, log: &mut OperatorLog) -> Result<(), MailboxError> {
        let Some(day) = statement.day.clone() else { return Ok(()) };
        let kind = if statement.mode == Mode::DryRun { ".dry" } else { "" };
        let path = self.ground.mailbox.statements_folder().join(format!("{day}{kind}.json"));
        statement.keep(&path)?;
        let (trades, net) = (statement.trades, statement.net);
        let text = format!("the statement of {day} is in {}: {trades} trades, net {net}", path.display());
        log.tell(Severity::Info, &text, wall());
        Ok(())
    }

    /// What the books have of the day up to now, held against the money that was read last.
    pub(super) async fn statement(&mut self, ended: &str) -> Result<Statement, LiveError> {
        let now = self.market_now();
        let baseline = self.ground.baseline;
        let books = BooksOfDay::read(&self.ground.book, baseline.as_ref()).await?;
        let before = baseline.map(|baseline| baseline.balance);
        let after = self.last_account.map(|account| account.balance);
        let unexplained = before.zip(after).map(|(before, after)| after - before - books.booked.net);
        let flat = self.is_flat();
        let seen = self.seen();
        let began = &self.ground.seen;
        let refused = seen.refused.iter().map(|(name, count)| (*name, count - began.refused.get(name).unwrap_or(&0)));
        let refused = refused.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count)).collect();
        let status = &self.ground.status;
        let differences = status.reconciled.as_ref().map_or_else(Vec::new, |last| last.differences.clone());
        let in_doubt = status.in_doubt.clone();
        let agreed = status.reconciled.is_some() && differences.is_empty() && in_doubt.is_empty();
        let account = status.session.as_ref().map(|session| session.login.clone());
        Ok(Statement {
            day: baseline.map(|baseline| TradingDay::from_days(baseline.day).to_string()),
            symbol: status.symbol.clone(),
            mode: status.mode,
            zone: status.zone.clone(),
            account: account.or_else(|| self.ground.request.account.clone()),
            from: baseline.map(|baseline| baseline.at),
            to: known(now),
            ended: ended.to_owned(),
            trades: books.booked.trades,
            fills: books.booked.fills,
            ticks: seen.ticks - began.ticks,
            base_net: books.booked.base,
            extra_net: books.booked.net - books.booked.base,
            commission: books.booked.commission,
            net: books.booked.net,
            legs: books.legs,
            balance_before: before,
            balance_after: after,
            unexplained,
            reconciled: agreed && unexplained == Some(Money::ZERO),
            differences,
            in_doubt,
            flat,
            refused,
            latency: self.ground.latency.figures(),
        })
    }

    fn seen(&mut self) -> Seen {
        Seen { ticks: self.ground.status.ticks, refused: self.wheel().broker_mut().refused().clone() }
    }
}
