use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is done sooner needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);

/// A bar on standard error, where that is a terminal and the work takes a while.
#[derive(Debug)]
pub(super) struct Bar {
    started: Instant,
    drawn: Option<ProgressBar>,
    phase: &'static str,
}

impl Default for Bar {
    fn default() -> Self {
        Self { started: Instant::now(), drawn: None, phase: "" }
    }
}

impl Bar {
    /// How far a phase has come.
    pub(super) fn show(&mut self, phase: &'static str, done: u64, total: u64) {
        if self.drawn.is_none() && self.started.elapsed() < PATIENCE {
            return;
        }
        // On anything but a terminal indicatif draws nothing.
        let bar = self.drawn.get_or_insert_with(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} [{bar:40}] {percent:>3} % {elapsed} (left {eta})");
            bar.with_style(style.map_or_else(|_| ProgressStyle::default_bar(), |style| style.progress_chars("=> ")))
        });
        if self.phase != phase {
            self.phase = phase;
            bar.set_message(phase);
            bar.reset_eta();
        }
        bar.set_length(total);
        bar.set_position(done);
    }

    /// Takes the bar away.
    pub(super) fn close(self) {
        if let Some(bar) = self.drawn {
            bar.finish_and_clear();
        }
    }
}
