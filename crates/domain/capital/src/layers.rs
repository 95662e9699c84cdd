//! The eight layers before any extra (semantics 8).

use alavanca_kernel::{Layer, LayerMask, LayerOutcome, LayerValue, MarketContext, Money, Refusal, Unit};

use crate::Capital;

impl Capital {
    /// How each of the eight layers judges, all of them, every time. A missing input fails its layer.
    #[inline]
    pub fn layers(&self, ctx: &MarketContext) -> LayerMask {
        let (config, s) = (self.config(), self.config().settings());
        // No early exit: all eight are stored, and eight comparisons cost less than one mispredicted branch.
        let bits = u8::from(s.releverage_enabled)
            | u8::from(!s.forbidden_regimes.contains(ctx.regime)) << 1
            | u8::from(s.allowed_regimes.contains(ctx.regime)) << 2
            | u8::from(!s.forbid_transition || ctx.transition == Some(false)) << 3
            | u8::from(number(ctx.confidence, f64::NEG_INFINITY) >= config.min_confidence.get()) << 4
            | u8::from(!s.require_profit_today || cents(ctx.daily_profit) >= s.min_profit_today.cents()) << 5
            | u8::from(number(ctx.liquidity, f64::NEG_INFINITY) >= config.min_liquidity.get()) << 6
            | u8::from(number(ctx.disagreement, f64::INFINITY) <= config.max_disagreement.get()) << 7;
        LayerMask::from_bits(bits)
    }

    /// Whether the layers let an extra through; if not, the first that failed, with its numbers (`can_realavancar`).
    pub fn releverage(&self, ctx: &MarketContext) -> Result<(), Refusal> {
        self.refusal(ctx, self.layers(ctx)).map_or(Ok(()), Err)
    }

    /// Each layer's input, demand and judgement, for the record.
    pub fn explain(&self, ctx: &MarketContext) -> [LayerOutcome; Layer::COUNT] {
        let (config, s, mask) = (self.config(), self.config().settings(), self.layers(ctx));
        let unit = |input: Option<Unit>| input.map_or(LayerValue::Missing, LayerValue::Unit);
        let regime = LayerValue::Regime(ctx.regime);
        let demanded = |demanded, threshold| if demanded { threshold } else { LayerValue::NotRequired };
        Layer::ALL.map(|layer| {
            let (input, threshold) = match layer {
                Layer::Enabled => (LayerValue::Flag(s.releverage_enabled), LayerValue::Flag(true)),
                Layer::RegimeNotForbidden => (regime, LayerValue::Regimes(s.forbidden_regimes)),
                Layer::RegimeAllowed => (regime, LayerValue::Regimes(s.allowed_regimes)),
                Layer::NoTransition => (
                    ctx.transition.map_or(LayerValue::Missing, LayerValue::Flag),
                    demanded(s.forbid_transition, LayerValue::Flag(false)),
                ),
                Layer::Confidence => (unit(ctx.confidence), LayerValue::Unit(config.min_confidence)),
                Layer::DailyProfit => (
                    ctx.daily_profit.map_or(LayerValue::Missing, LayerValue::Money),
                    demanded(s.require_profit_today, LayerValue::Money(s.min_profit_today)),
                ),
                Layer::Liquidity => (unit(ctx.liquidity), LayerValue::Unit(config.min_liquidity)),
                Layer::Disagreement => (unit(ctx.disagreement), LayerValue::Unit(config.max_disagreement)),
            };
            LayerOutcome { layer, input, threshold, passed: mask.passed(layer) }
        })
    }

    /// The first layer that failed, with its numbers.
    #[inline]
    pub(crate) fn refusal(&self, ctx: &MarketContext, layers: LayerMask) -> Option<Refusal> {
        let (config, s) = (self.config(), self.config().settings());
        Some(match layers.first_failed()? {
            Layer::Enabled => Refusal::Disabled,
            Layer::RegimeNotForbidden => Refusal::RegimeForbidden { regime: ctx.regime },
            Layer::RegimeAllowed => Refusal::RegimeNotAllowed { regime: ctx.regime },
            Layer::NoTransition => Refusal::TransitionActive { known: ctx.transition.is_some() },
            Layer::Confidence => Refusal::ConfidenceBelow { got: ctx.confidence, min: config.min_confidence },
            Layer::DailyProfit => Refusal::DailyProfitBelow { got: ctx.daily_profit, min: s.min_profit_today },
            Layer::Liquidity => Refusal::LiquidityBelow { got: ctx.liquidity, min: config.min_liquidity },
            Layer::Disagreement => Refusal::DisagreementAbove { got: ctx.disagreement, max: config.max_disagreement },
        })
    }
}

/// The input, or where it is missing a number that fails whatever is demanded.
#[inline]
fn number(input: Option<Unit>, failing: f64) -> f64 {
    input.map_or(failing, Unit::get)
}

/// A missing profit is below every demand: settings let none in that is negative.
#[inline]
fn cents(profit: Option<Money>) -> i64 {
    profit.map_or(i64::MIN, Money::cents)
}
