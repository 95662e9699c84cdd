//! A day's figures, computed where the rows are (semantics 33).

/// Computes and keeps the figures of one day and symbol, in the place of earlier ones. Binds: ?1 the day in days
/// since 1970, ?2 the day as text, ?3 the symbol's place, ?4 the symbol's name.
///
/// A trade's figures count on the day it closed, a learned reward on the day it was learned. Regimes count as frozen as they were when the day ended, or now
/// where it has not. The trend needs 40 trades.
pub(crate) const INSERT: &str = "
WITH
decided AS (SELECT action FROM decisions WHERE symbol = ?3 AND day = ?1),
closed AS (SELECT id, reward, extra, extra_net FROM trades WHERE symbol = ?3 AND day = ?1),
latest AS (
    SELECT reward, row_number() OVER (ORDER BY day DESC, closed_at DESC, id DESC) AS place FROM (
        SELECT reward, day, closed_at, id FROM trades WHERE symbol = ?3 AND day <= ?1
        ORDER BY day DESC, closed_at DESC, id DESC LIMIT 40
    )
),
ended AS (
    SELECT net FROM scalps WHERE trade IN (SELECT id FROM closed)
    AND kind IN ('TP_HIT', 'SL_HIT', 'TIMEOUT', 'FORCED')
),
day_end AS (SELECT coalesce((SELECT last_seq FROM days WHERE day = ?1), 9223372036854775807) AS seq),
freezes AS (
    SELECT kind, row_number() OVER (PARTITION BY regime ORDER BY seq DESC) AS place FROM policy_events
    WHERE kind IN ('FROZEN', 'THAWED')
    AND seq <= (SELECT seq FROM day_end)
)
INSERT OR REPLACE INTO rl_report_log SELECT
    coalesce(
        (SELECT id FROM rl_report_log WHERE report_date = ?2 AND symbol = ?4),
        (SELECT coalesce(max(id), 0) + 1 FROM rl_report_log)
    ),
    ?2,
    ?4,
    (SELECT count(*) FROM decided) + (
        SELECT count(*) FROM evidence WHERE symbol = ?3
        AND seq > coalesce((SELECT last_seq FROM days WHERE day < ?1 ORDER BY day DESC LIMIT 1), 0)
        AND seq <= (SELECT seq FROM day_end)
    ),
    (SELECT count(*) FROM decided WHERE action = 'ENTER'),
    (SELECT count(*) FROM decided WHERE action = 'HOLD'),
    (SELECT count(*) FROM decided WHERE action = 'ENTER_CONSERVATIVE'),
    (SELECT count(*) FROM decided WHERE action = 'ENTER_WITH_REALAVANCAGEM'),
    (SELECT count(*) FROM decided WHERE action = 'HOLD'),
    (SELECT sum(reward) / 1000000.0 / count(*) FROM closed),
    (SELECT count(*) FROM freezes WHERE place = 1 AND kind = 'FROZEN'),
    (SELECT count(*) FROM closed WHERE extra > 0),
    (SELECT sum(extra_net > 0) * 1.0 / count(*) FROM closed WHERE extra > 0),
    (SELECT count(*) FROM ended),
    (SELECT sum(net > 0) * 1.0 / count(*) FROM ended),
    (SELECT coalesce(sum(net), 0) / 100.0 FROM ended),
    (SELECT CASE WHEN count(*) = 40 THEN
        (sum(CASE WHEN place <= 20 THEN reward END) - sum(CASE WHEN place > 20 THEN reward END)) / 20000000.0
    END FROM latest),
    json_object('trades', (SELECT count(*) FROM closed))
";
