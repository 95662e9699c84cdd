"""The terminal's structures, as the wire has them."""

from .decimals import text, text_within

TRADE_MODES = {0: "demo", 1: "contest", 2: "real"}


def account_identity(account):
    """What the engine pins."""
    return {
        "login": unsigned(account.login),
        "server": account.server,
        "company": account.company,
        "trade_mode": TRADE_MODES[account.trade_mode],
        "margin_mode": account.margin_mode,
        "currency": account.currency,
        "currency_digits": account.currency_digits,
    }


def account_state(account, server):
    """The account's money."""
    return {
        "balance": text(account.balance),
        "equity": text(account.equity),
        "margin": text(account.margin),
        "margin_free": text(account.margin_free),
        "server": server,
    }


def position(found):
    """A position."""
    return {
        "ticket": unsigned(found.ticket),
        "identifier": unsigned(found.identifier),
        "symbol": found.symbol,
        "side": side(found.type),
        "volume": text(found.volume),
        "price_open": text(found.price_open),
        "sl": text(found.sl),
        "tp": text(found.tp),
        "magic": unsigned(found.magic),
        "profit": text(found.profit),
        "swap": text(found.swap),
        "comment": found.comment,
        "opened_server": found.time_msc,
    }


def order(found):
    """An order, resting or ended."""
    return {
        "ticket": unsigned(found.ticket),
        "symbol": found.symbol,
        "kind": found.type,
        "state": found.state,
        "volume_initial": text(found.volume_initial),
        "volume_current": text(found.volume_current),
        "price": text(found.price_open),
        "sl": text(found.sl),
        "tp": text(found.tp),
        "magic": unsigned(found.magic),
        "position": unsigned(found.position_id),
        "comment": found.comment,
        "set_up_server": found.time_setup_msc,
    }


def deal(found):
    """A deal."""
    return {
        "ticket": unsigned(found.ticket),
        "order": unsigned(found.order),
        "position": unsigned(found.position_id),
        "symbol": found.symbol,
        "kind": found.type,
        "entry": found.entry,
        "reason": found.reason,
        "magic": unsigned(found.magic),
        "volume": text(found.volume),
        "price": text(found.price),
        "commission": text(found.commission),
        "fee": text(found.fee),
        "swap": text(found.swap),
        "profit": text(found.profit),
        "comment": found.comment,
        "server": found.time_msc,
    }


def symbol_spec(symbol, info):
    """A symbol's specification; `info` is `None` where there is none of that name."""
    if info is None:
        zero = dict.fromkeys(
            ("point", "tick_size", "tick_value", "contract_size", "volume_min", "volume_max", "volume_step"), "0"
        )
        nought = dict.fromkeys(
            ("digits", "stops_level", "freeze_level", "filling_mode", "execution", "trade_mode"), 0
        )
        words = {"description": "", "currency_profit": "", "currency_margin": ""}
        return {"symbol": symbol, "exists": False, **words, **zero, **nought}
    spec = {
        "symbol": symbol,
        "exists": True,
        "description": info.description,
        "digits": info.digits,
        "point": text(info.point),
        "tick_size": text(info.trade_tick_size),
        "tick_value": text(info.trade_tick_value),
        "contract_size": text(info.trade_contract_size),
        "volume_min": text(info.volume_min),
        "volume_max": text_within(info.volume_max),
        "volume_step": text(info.volume_step),
        "stops_level": info.trade_stops_level,
        "freeze_level": info.trade_freeze_level,
        "filling_mode": info.filling_mode,
        "execution": info.trade_exemode,
        "trade_mode": info.trade_mode,
        "currency_profit": info.currency_profit,
        "currency_margin": info.currency_margin,
    }
    if info.expiration_time > 0:
        spec["expires_server"] = info.expiration_time * 1000
    return spec


def trade_result(magic, result):
    """What `order_send` gave."""
    return {
        "magic": unsigned(magic),
        "retcode": result.retcode,
        "deal": unsigned(result.deal),
        "order": unsigned(result.order),
        "volume": text(result.volume),
        "price": text(result.price),
        "bid": text(result.bid),
        "ask": text(result.ask),
        "comment": result.comment,
        "retcode_external": result.retcode_external,
    }


def not_called(magic, why, retcode=0):
    """The result of what the terminal was not called for."""
    return {
        "magic": unsigned(magic),
        "retcode": retcode,
        "deal": "0",
        "order": "0",
        "volume": "0",
        "price": "0",
        "bid": "0",
        "ask": "0",
        "comment": why,
        "retcode_external": 0,
    }


def side(kind):
    """Bought or sold."""
    return "buy" if kind == 0 else "sell"


def unsigned(number):
    """A ticket or a magic as digits; the package gives those above 2**63 as they are."""
    return str(int(number) & 0xFFFF_FFFF_FFFF_FFFF)
