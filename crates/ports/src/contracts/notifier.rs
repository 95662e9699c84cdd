//! What every [`Notifier`] has to keep.

use alavanca_kernel::Timestamp;

use crate::{Notice, Notifier, Severity};

/// Tells it what is easy and what is not: empty, long and foreign texts, times at both ends. A notifier that cannot
/// deliver swallows it; a panic here would stop trading. Returns the notices, for whoever can look at what arrived.
pub async fn suite<N: Notifier>(notifier: &mut N) -> Vec<Notice> {
    let texts = [
        "RISK_DAILY_LOSS_LIMIT_BRL reached",
        "",
        "realavancagem: não, ✗ 取引 \u{202e}",
        "two\nlines\0",
        &"x".repeat(100_000),
    ];
    let mut told = Vec::new();
    for severity in [Severity::Info, Severity::Warning, Severity::Critical] {
        for (text, at) in texts.iter().zip([Timestamp::default(), Timestamp::MIN, Timestamp::MAX].into_iter().cycle()) {
            let notice = Notice { severity, text: (*text).to_owned(), at };
            notifier.notify(notice.clone()).await;
            told.push(notice);
        }
    }
    told
}
