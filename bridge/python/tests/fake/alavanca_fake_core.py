"""Stands in for the compiled half of the official package: what its `__init__.py` imports as `._core`, over a simulated
terminal that listens at `ALAVANCA_SIMTERM` (HOST:PORT).

As strict as the real one where that matters: prices and volumes must be floats, names at most 29 UTF-16 units, `None` and
`last_error` instead of exceptions, read-only structures with `_asdict`, structured arrays of numpy.
"""

import datetime
import json
import os
import socket

import numpy

RES_S_OK = 1
RES_E_INVALID_PARAMS = -2
RES_E_INTERNAL_FAIL_SEND = -10001
RES_E_INTERNAL_FAIL_RECEIVE = -10002
RES_E_INTERNAL_FAIL_CONNECT = -10004

_NAME_UNITS = 29

_RATES = [
    ("time", "<i8"), ("open", "<f8"), ("high", "<f8"), ("low", "<f8"), ("close", "<f8"), ("tick_volume", "<u8"),
    ("spread", "<i4"), ("real_volume", "<u8"),
]  # fmt: skip
_TICKS = [
    ("time", "<i8"), ("bid", "<f8"), ("ask", "<f8"), ("last", "<f8"), ("volume", "<u8"), ("time_msc", "<i8"),
    ("flags", "<u4"), ("volume_real", "<f8"),
]  # fmt: skip


def _structure(name, fields):
    """A read-only sequence with named places, as the package's own are."""
    fields = tuple(fields.split())

    def make(cls, values):
        values = dict(values)
        return tuple.__new__(cls, (values.get(field, _blank(field)) for field in fields))

    def fixed(self, *_):
        raise AttributeError("readonly attribute")

    places = {field: property(lambda self, place=place: self[place]) for place, field in enumerate(fields)}
    body = {
        "__new__": make,
        "__slots__": (),
        "__setattr__": fixed,
        "__repr__": lambda self: f"{name}({', '.join(f'{f}={v!r}' for f, v in zip(fields, self))})",
        "_asdict": lambda self: dict(zip(fields, self)),
        "n_fields": len(fields),
        "fields_in_order": fields,
        **places,
    }
    return type(name, (tuple,), body)


def _blank(field):
    if field in _WORDS:
        return ""
    return 0.0 if field in _FLOATS else 0


_WORDS = frozenset(
    "symbol comment external_id name server currency company path language data_path commondata_path basis category "
    "currency_base currency_profit currency_margin bank description exchange formula isin page".split()
)
_FLOATS = frozenset(
    "volume price price_open price_current price_stoplimit sl tp swap profit commission fee balance equity margin "
    "margin_free margin_level credit volume_initial volume_current bid ask last point trade_tick_value trade_tick_size "
    "trade_contract_size volume_min volume_max volume_step volume_real stoplimit".split()
)

TerminalInfo = _structure(
    "TerminalInfo",
    "community_account community_connection connected dlls_allowed trade_allowed tradeapi_disabled email_enabled "
    "ftp_enabled notifications_enabled mqid build maxbars codepage ping_last community_balance retransmission company "
    "name language path data_path commondata_path",
)
AccountInfo = _structure(
    "AccountInfo",
    "login trade_mode leverage limit_orders margin_so_mode trade_allowed trade_expert margin_mode currency_digits "
    "fifo_close balance credit profit equity margin margin_free margin_level margin_so_call margin_so_so margin_initial "
    "margin_maintenance assets liabilities commission_blocked name server currency company",
)
SymbolInfo = _structure(
    "SymbolInfo",
    "custom chart_mode select visible session_deals session_buy_orders session_sell_orders volume volumehigh volumelow "
    "time digits spread spread_float ticks_bookdepth trade_calc_mode trade_mode start_time expiration_time "
    "trade_stops_level trade_freeze_level trade_exemode swap_mode swap_rollover3days margin_hedged_use_leg "
    "expiration_mode filling_mode order_mode order_gtc_mode option_mode option_right bid bidhigh bidlow ask askhigh "
    "asklow last lasthigh lastlow volume_real volumehigh_real volumelow_real option_strike point trade_tick_value "
    "trade_tick_value_profit trade_tick_value_loss trade_tick_size trade_contract_size trade_accrued_interest "
    "trade_face_value trade_liquidity_rate volume_min volume_max volume_step volume_limit swap_long swap_short "
    "margin_initial margin_maintenance session_volume session_turnover session_interest session_buy_orders_volume "
    "session_sell_orders_volume session_open session_close session_aw session_price_settlement "
    "session_price_limit_min session_price_limit_max margin_hedged price_change price_volatility price_theoretical "
    "price_greeks_delta price_greeks_theta price_greeks_gamma price_greeks_vega price_greeks_rho price_greeks_omega "
    "price_sensitivity basis category currency_base currency_profit currency_margin bank description exchange formula "
    "isin name page path",
)
Tick = _structure("Tick", "time bid ask last volume time_msc flags volume_real")
TradePosition = _structure(
    "TradePosition",
    "ticket time time_msc time_update time_update_msc type magic identifier reason volume price_open sl tp "
    "price_current swap profit symbol comment external_id",
)
TradeOrder = _structure(
    "TradeOrder",
    "ticket time_setup time_setup_msc time_done time_done_msc time_expiration type type_time type_filling state magic "
    "position_id position_by_id reason volume_initial volume_current price_open sl tp price_current price_stoplimit "
    "symbol comment external_id",
)
TradeDeal = _structure(
    "TradeDeal",
    "ticket order time time_msc type entry magic position_id reason volume price commission swap profit fee symbol "
    "comment external_id",
)
TradeRequest = _structure(
    "TradeRequest",
    "action magic order symbol volume price stoplimit sl tp deviation type type_filling type_time expiration comment "
    "position position_by",
)
OrderSendResult = _structure(
    "OrderSendResult", "retcode deal order volume price bid ask comment request_id retcode_external request"
)
OrderCheckResult = _structure(
    "OrderCheckResult", "retcode balance equity profit margin margin_free margin_level comment request"
)

_REQUEST_FLOATS = ("volume", "price", "stoplimit", "sl", "tp")
_REQUEST_WHOLE = (
    "action", "magic", "order", "deviation", "type", "type_filling", "type_time", "expiration", "position", "position_by",
)  # fmt: skip
_REQUEST_WORDS = ("symbol", "comment")


class _Wrong(Exception):
    """Arguments that the package refuses."""


_connection = None
_number = 0
_error = (RES_S_OK, "Success")


def initialize(*arguments, **named):
    global _connection
    if len(arguments) > 1 or set(named) - {"path", "login", "server", "password", "timeout", "portable"}:
        return _fail(RES_E_INVALID_PARAMS, "Invalid arguments", False)
    if not isinstance(named.get("login", 0), int):
        return _fail(RES_E_INVALID_PARAMS, 'Invalid "login" argument', False)
    shutdown()
    host, _, port = os.environ["ALAVANCA_SIMTERM"].rpartition(":")
    try:
        link = socket.create_connection((host, int(port)), 10)
    except OSError as error:
        return _fail(RES_E_INTERNAL_FAIL_CONNECT, f"No IPC connection: {error}", False)
    link.settimeout(None)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _connection = link.makefile("rwb")
    link.close()
    if _call("attach", **{"as": "python"}, name="MetaTrader5") is None and _error[0] != RES_S_OK:
        return False
    if "login" in named and account_info().login != named["login"]:
        return _fail(-6, "Terminal: Authorization failed", False)
    return True


def shutdown():
    global _connection
    if _connection is not None:
        try:
            _connection.close()
        except OSError:
            pass
        _connection = None


def last_error():
    return _error


def version():
    found = _call("version")
    return tuple(found) if found is not None else None


def login(*_, **__):
    return _fail(-7, "Terminal: Unsupported function", False)


def terminal_info():
    return _made(TerminalInfo, _call("terminal_info"))


def account_info():
    return _made(AccountInfo, _call("account_info"))


def symbols_total():
    found = symbols_get()
    return None if found is None else len(found)


def symbols_get(group=None):
    return _all(SymbolInfo, _call("symbols_get", **_given(group=group)))


def symbol_info(symbol):
    return _checked(lambda: _made(SymbolInfo, _call("symbol_info", symbol=_name(symbol))))


def symbol_info_tick(symbol):
    return _checked(lambda: _made(Tick, _call("symbol_info_tick", symbol=_name(symbol))))


def symbol_select(symbol, enable=True):
    return _checked(lambda: bool(_call("symbol_select", symbol=_name(symbol), enable=bool(enable))))


def copy_rates_from(symbol, timeframe, date_from, count):
    return _rows(
        _RATES, "copy_rates_from", symbol=symbol, timeframe=timeframe, date_from=lambda: _seconds(date_from), count=count
    )


def copy_rates_from_pos(symbol, timeframe, start_pos, count):
    return _rows(_RATES, "copy_rates_from_pos", symbol=symbol, timeframe=timeframe, start_pos=start_pos, count=count)


def copy_rates_range(symbol, timeframe, date_from, date_to):
    return _rows(
        _RATES, "copy_rates_range", symbol=symbol, timeframe=timeframe, date_from=lambda: _seconds(date_from),
        date_to=lambda: _seconds(date_to),
    )  # fmt: skip


def copy_ticks_from(symbol, date_from, count, flags):
    return _rows(
        _TICKS, "copy_ticks_from", symbol=symbol, date_from=lambda: _milliseconds(date_from), count=count, flags=flags
    )


def copy_ticks_range(symbol, date_from, date_to, flags):
    return _rows(
        _TICKS, "copy_ticks_range", symbol=symbol, date_from=lambda: _milliseconds(date_from),
        date_to=lambda: _milliseconds(date_to), flags=flags,
    )  # fmt: skip


def order_calc_margin(action, symbol, volume, price):
    return _checked(
        lambda: _call(
            "order_calc_margin", action=_whole("action", action), symbol=_name(symbol), volume=_float("volume", volume),
            price=_float("price", price),
        )  # fmt: skip
    )


def order_calc_profit(action, symbol, volume, price_open, price_close):
    return _checked(
        lambda: _call(
            "order_calc_profit", action=_whole("action", action), symbol=_name(symbol), volume=_float("volume", volume),
            price_open=_float("price_open", price_open), price_close=_float("price_close", price_close),
        )  # fmt: skip
    )


def order_check(request):
    return _checked(lambda: _result(OrderCheckResult, "order_check", _request(request)))


def order_send(request):
    return _checked(lambda: _result(OrderSendResult, "order_send", _request(request)))


def positions_total():
    found = positions_get()
    return None if found is None else len(found)


def positions_get(*arguments, **named):
    return _open(TradePosition, "positions_get", arguments, named)


def orders_total():
    found = orders_get()
    return None if found is None else len(found)


def orders_get(*arguments, **named):
    return _open(TradeOrder, "orders_get", arguments, named)


def history_orders_total(date_from, date_to):
    found = history_orders_get(date_from, date_to)
    return None if found is None else len(found)


def history_orders_get(*arguments, **named):
    return _history(TradeOrder, "history_orders_get", arguments, named)


def history_deals_total(date_from, date_to):
    found = history_deals_get(date_from, date_to)
    return None if found is None else len(found)


def history_deals_get(*arguments, **named):
    return _history(TradeDeal, "history_deals_get", arguments, named)


def market_book_add(_symbol):
    return _fail(-7, "Terminal: Unsupported function", False)


def market_book_release(_symbol):
    return _fail(-7, "Terminal: Unsupported function", False)


def market_book_get(_symbol):
    return _fail(-7, "Terminal: Unsupported function", None)


# -- over the link ----------------------------------------------------------------------------------------------------


def _call(call, **arguments):
    """One call of the simulated terminal: its value, or `None` with `last_error` set."""
    global _number, _connection
    if _connection is None:
        return _fail(RES_E_INTERNAL_FAIL_CONNECT, "No IPC connection", None)
    _number += 1
    try:
        _connection.write(json.dumps({"id": _number, "call": call, **arguments}).encode() + b"\n")
        _connection.flush()
    except OSError as error:
        _connection = None
        return _fail(RES_E_INTERNAL_FAIL_SEND, f"IPC send failed: {error}", None)
    try:
        line = _connection.readline()
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        _connection = None
        return _fail(RES_E_INTERNAL_FAIL_RECEIVE, "IPC recv failed", None)
    answer = json.loads(line)
    assert answer["id"] == _number, answer
    error = answer.get("error")
    if error:
        return _fail(error["code"], error["text"], None)
    _set(RES_S_OK, "Success")
    return answer.get("ok")


def _set(code, text):
    global _error
    _error = (code, text)


def _fail(code, text, value):
    _set(code, text)
    return value


def _checked(call):
    try:
        return call()
    except _Wrong as error:
        return _fail(RES_E_INVALID_PARAMS, str(error), None)


def _made(structure, values):
    return None if values is None else structure(values)


def _all(structure, rows):
    return None if rows is None else tuple(structure(row) for row in rows)


def _given(**named):
    return {name: value for name, value in named.items() if value is not None}


def _rows(form, call, **arguments):
    def ask():
        given = {name: value() if callable(value) else value for name, value in arguments.items()}
        given["symbol"] = _name(given["symbol"])
        for name in ("timeframe", "start_pos", "count", "flags"):
            if name in given:
                _whole(name, given[name])
        rows = _call(call, **given)
        return None if rows is None else numpy.array([tuple(row) for row in rows], dtype=form)

    return _checked(ask)


def _open(structure, call, arguments, named):
    if arguments:
        return _fail(RES_E_INVALID_PARAMS, "Unnamed arguments not allowed", None)

    def ask():
        given = {}
        if "symbol" in named:
            given["symbol"] = _name(named["symbol"])
        if "ticket" in named:
            given["ticket"] = _whole("ticket", named["ticket"])
        if set(named) - {"symbol", "ticket", "group"}:
            raise _Wrong("Invalid arguments")
        return _all(structure, _call(call, **given))

    return _checked(ask)


def _history(structure, call, arguments, named):
    def ask():
        given = {}
        if "ticket" in named:
            given["ticket"] = _whole("ticket", named["ticket"])
        elif "position" in named:
            given["position"] = _whole("position", named["position"])
        else:
            dates = dict(zip(("date_from", "date_to"), arguments))
            dates.update({name: named[name] for name in ("date_from", "date_to") if name in named})
            if len(dates) != 2 or len(arguments) > 2:
                raise _Wrong("Invalid number of arguments")
            given = {name: _seconds(value) for name, value in dates.items()}
        return _all(structure, _call(call, **given))

    return _checked(ask)


def _result(structure, call, request):
    values = _call(call, request=request)
    if values is None:
        return None
    return structure({**values, "request": TradeRequest({**values.get("request", {}), **request})})


def _request(request):
    if not isinstance(request, dict):
        raise _Wrong("Invalid 1st unnamed argument")
    for field in request:
        if field not in TradeRequest.fields_in_order:
            raise _Wrong(f'Invalid "{field}" argument')
    for field in _REQUEST_FLOATS:
        if field in request:
            _float(field, request[field])
    for field in _REQUEST_WHOLE:
        if field in request:
            _whole(field, request[field])
    for field in _REQUEST_WORDS:
        if field in request:
            _name(request[field], field)
    return dict(request)


def _float(field, value):
    if not isinstance(value, float):
        raise _Wrong(f'Invalid "{field}" argument')
    return value


def _whole(field, value):
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Wrong(f'Invalid "{field}" argument')
    return value


def _name(value, field="symbol"):
    if not isinstance(value, str) or len(value.encode("utf-16-le")) // 2 > _NAME_UNITS:
        raise _Wrong(f'Invalid "{field}" argument')
    return value


def _seconds(value):
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    return _whole("date", value)


def _milliseconds(value):
    if isinstance(value, datetime.datetime):
        return int(value.timestamp() * 1000)
    return _whole("date", value) * 1000
