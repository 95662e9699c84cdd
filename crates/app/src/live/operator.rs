//! The operator's words, carried out by the turning wheel: once each, latched, noted and answered.

use std::time::{Duration, Instant};

use alavanca_adapters_sqlite::OperatorEntry;
use alavanca_engine::{Command as Order, Event};
use alavanca_ports::Severity;
use alavanca_pretrade::KillCause;

use super::admission::wall;
use super::mailbox::{Answer, Command, Letter, Wish};
use super::notices::OperatorLog;
use super::run::SYMBOL;
use super::turning::{FLAT_WITHIN, Turning};

/// What is under way for the operator.
#[derive(Debug, Default)]
pub(super) struct Operator {
    /// A flatten that is not proven yet, since when.
    flattening: Option<(Command, Instant)>,
    /// The kill file was seen.
    killed: bool,
}

impl Turning {
    /// Looks into the mailbox, at the kill file and the signals.
    pub(super) async fn hear_operator(&mut self, log: &mut OperatorLog) {
        if self.stop.take_halt() {
            self.carry_out(Command::new(Wish::Halt, "signal SIGUSR1", wall()), log).await;
        }
        let killed = self.ground.mailbox.is_killed();
        if killed && !std::mem::replace(&mut self.operator.killed, true) {
            self.carry_out(Command::new(Wish::Halt, "the kill file HALT", wall()), log).await;
        }
        self.operator.killed = killed;
        match self.ground.mailbox.take(wall()) {
            Ok(letters) => {
                for letter in letters {
                    match letter {
                        Letter::Command(command) if self.is_under_way(&command) => {}
                        Letter::Command(command) => self.take_up(command, log).await,
                        Letter::Refused { file, why } => {
                            log.tell(Severity::Warning, &format!("command file {file} was put aside: {why}"), wall());
                        }
                    }
                }
            }
            Err(error) => log.tell(Severity::Warning, &error.to_string(), wall()),
        }
        self.watch_flatten(log).await;
    }

    fn is_under_way(&self, command: &Command) -> bool {
        self.operator.flattening.as_ref().is_some_and(|(of, _)| of.id == command.id)
    }

    /// A command that was carried out before is answered as it was then.
    async fn take_up(&mut self, command: Command, log: &mut OperatorLog) {
        match self.ground.book.answer_to(&command.id).await {
            Ok(Some(before)) => {
                let OperatorEntry { id, accepted, answer, taken_at, .. } = before;
                self.post(&Answer { id, accepted, text: answer, at: taken_at }, log);
            }
            Ok(None) | Err(_) => self.carry_out(command, log).await,
        }
    }

    async fn carry_out(&mut self, command: Command, log: &mut OperatorLog) {
        let now = self.market_now();
        let why = if command.reason.is_empty() { String::new() } else { format!(" ({})", command.reason) };
        log.tell(Severity::Warning, &format!("the operator: {}{why}", command.wish.as_str()), wall());
        match command.wish {
            Wish::Halt => {
                self.step(Event::Command(Order::Halt, now), log).await;
                self.wheel().broker_mut().kill(KillCause::Operator);
                let text = "halted: nothing is entered until `alavanca resume`; what is open keeps its exits";
                self.done(&command, true, text, log).await;
            }
            Wish::ReduceOnly => {
                self.step(Event::Command(Order::ReduceOnly, now), log).await;
                let text = "reduce-only: nothing is entered until `alavanca resume`; what is open keeps its exits";
                self.done(&command, true, text, log).await;
            }
            Wish::Flatten { everything } => {
                // What is closed is not to be entered again at the next signal.
                self.step(Event::Command(Order::ReduceOnly, now), log).await;
                self.step(Event::Command(Order::Flatten, now), log).await;
                if everything && self.ground.request.mode == super::status::Mode::Armed {
                    let flattened = self.venue().mt5_mut().flatten(&[SYMBOL], Duration::ZERO).await;
                    // It goes on beside the loop; that it is done is read at the broker.
                    drop(flattened);
                }
                self.operator.flattening = Some((command, Instant::now()));
            }
            Wish::Resume => match self.may_resume(&command) {
                Ok(()) => {
                    self.step(Event::Command(Order::Resume, now), log).await;
                    self.wheel().broker_mut().release();
                    self.venue().mt5_mut().allow_entries();
                    let state = self.wheel().engine().risk().state();
                    let text = format!("resumed: the state is {state} now");
                    self.done(&command, true, &text, log).await;
                }
                Err(why) => self.done(&command, false, &why, log).await,
            },
        }
    }

    /// Why it does not go on yet.
    fn may_resume(&mut self, command: &Command) -> Result<(), String> {
        if command.reason.trim().is_empty() {
            return Err("say why: --reason TEXT".to_owned());
        }
        if self.ground.mailbox.is_killed() {
            let file = self.ground.mailbox.kill_file();
            return Err(format!("the kill file is there: remove {} first", file.display()));
        }
        if self.operator.flattening.is_some() {
            return Err("everything is being closed: wait for its end".to_owned());
        }
        if !self.venue().mt5().desk().is_ready() {
            return Err("no bridge is connected, or it has not said how the account stands: look at `alavanca status`"
                .to_owned());
        }
        let risk = self.wheel().engine().risk().snapshot();
        if risk.store_failed {
            return Err(
                "the database did not take what was to be stored: mend that first (is the disk full?)".to_owned()
            );
        }
        if risk.unreconciled {
            let found = self.ground.status.reconciled.as_ref().map(|last| last.differences.join("; "));
            let found =
                found.filter(|found| !found.is_empty()).unwrap_or_else(|| "they were not compared yet".to_owned());
            return Err(format!(
                "books and broker do not agree: {found}. Close by hand what is not the engine's (or `alavanca flatten \
                 --everything`), and wait for the next reconciliation"
            ));
        }
        Ok(())
    }

    /// A flatten ends when the broker shows nothing, or when it took too long.
    async fn watch_flatten(&mut self, log: &mut OperatorLog) {
        let Some((command, since)) = self.operator.flattening.clone() else { return };
        let everything = matches!(command.wish, Wish::Flatten { everything: true });
        let by_books = self.is_flat();
        let late = since.elapsed() >= FLAT_WITHIN;
        if !by_books && !everything && !late {
            return;
        }
        let left = self.left_at_broker().await;
        match left {
            Ok(left) if left.is_empty() && self.is_flat() => {
                self.operator.flattening = None;
                let text = "flat: nothing is open, the broker says so; nothing is entered until `alavanca resume`";
                self.done(&command, true, text, log).await;
            }
            _ if !late => {}
            Ok(left) => {
                self.operator.flattening = None;
                let left = if left.is_empty() { "by the books alone".to_owned() } else { left.join("; ") };
                let text = format!(
                    "NOT flat after {} s, still open: {left}. Close it by hand in the terminal; the engine goes on \
                     trying to close its own",
                    FLAT_WITHIN.as_secs()
                );
                self.done(&command, false, &text, log).await;
            }
            Err(error) => {
                self.operator.flattening = None;
                let text = format!("it is not known whether it is flat ({error}): look at the terminal");
                self.done(&command, false, &text, log).await;
            }
        }
    }

    /// Notes what became of it, then answers: whoever has the answer finds it in the log.
    async fn done(&mut self, command: &Command, accepted: bool, text: &str, log: &mut OperatorLog) {
        let entry = OperatorEntry {
            id: command.id.clone(),
            command: command.wish.as_str().to_owned(),
            reason: command.reason.clone(),
            given_at: command.given_at,
            taken_at: wall(),
            accepted,
            answer: text.to_owned(),
        };
        if let Err(error) = self.ground.book.note(&entry).await {
            log.tell(Severity::Warning, &format!("the operator's word was not noted: {error}"), wall());
        }
        let severity = if accepted { Severity::Info } else { Severity::Critical };
        log.tell(severity, text, wall());
        self.post(&Answer { id: entry.id, accepted, text: entry.answer, at: entry.taken_at }, log);
        // Whoever asks at once is told what holds now.
        self.write_status(super::status::Phase::Running);
    }

    fn post(&mut self, answer: &Answer, log: &mut OperatorLog) {
        if let Err(error) = self.ground.mailbox.answer(answer) {
            log.tell(Severity::Warning, &error.to_string(), wall());
        }
    }
}
