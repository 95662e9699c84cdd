use alavanca_calendar::MarketClock;
use alavanca_kernel::Timestamp;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// Tells a session-based brain which trading day a bar belongs to, and how long after that day's opening.
#[derive(Clone, Debug)]
pub(crate) struct DayClock {
    clock: MarketClock,
}

/// Where a bar begins in its trading day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InDay {
    /// The day's number.
    pub(crate) day: i32,
    /// Seconds since continuous trading opened; below zero before that.
    pub(crate) since_open: i64,
}

impl DayClock {
    pub(crate) const fn new(clock: MarketClock) -> Self {
        Self { clock }
    }

    /// `None` where the market does not trade on that day. One that never closes opens with its day.
    #[inline]
    pub(crate) fn locate(&mut self, at: Timestamp) -> Option<InDay> {
        let place = self.clock.place(at);
        let opens = i64::from(place.opens?);
        let cut = i64::from(self.clock.zone().day_cut());
        // A day that is cut at 17:00 has its 02:00 after its 20:00. Written without a division.
        let into_day = |second: i64| if second >= cut { second - cut } else { second - cut + DAY };
        let since_open = into_day(i64::from(place.moment.second_of_day)) - into_day(opens);
        Some(InDay { day: place.moment.day.days(), since_open })
    }
}
