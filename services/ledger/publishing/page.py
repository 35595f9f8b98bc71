"""The statement as a page to print and to pin to a notice board."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from uuid import UUID

import segno

from services.ledger.periods.schemas import StatementOut
from services.ledger.proofs.rules import Line
from services.ledger.publishing.rules import Names, yuan

__all__ = ["statement_page"]

_STYLE: Final = """
body{font:14px/1.6 "Noto Sans CJK SC","Microsoft YaHei","PingFang SC",sans-serif;
max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:1.5em;margin-bottom:0}h2{font-size:1.15em;margin:1.6em 0 .4em}table{border-collapse:collapse;width:100%}
th,td{border-bottom:1px solid #999;padding:.25em .5em;text-align:left;vertical-align:top}
.n{text-align:right;white-space:nowrap}.total td{font-weight:bold;border-top:2px solid #333}
pre{background:#f4f4f4;padding:.8em;overflow-wrap:anywhere;white-space:pre-wrap}
.proof{display:flex;gap:1em;align-items:flex-start;flex-wrap:wrap}.proof svg{width:12em;height:12em}small{color:#555}
tr,.proof{break-inside:avoid}@media print{body{margin:0;max-width:none}a{color:inherit}}"""
_LINES_SHOWN: Final = 2_000


def statement_page(
    statement: StatementOut, lines: Sequence[Line], names: Mapping[UUID, Names], *, book_path: str
) -> str:
    """Write the page.

    Args:
        statement: with the head that covers it, if it is published.
        lines: its lines.
        names: of the accounts.
        book_path: the address of the whole book for download.
    """
    document = statement.document
    title = f"{document['book_name']} 收支公示"
    days = f"{document['first_on']} 至 to {document['last_on']}"
    version = f"第 {document['version']} 版 version {document['version']}"
    reason = f"<p>更正原因 corrected because: {escape(str(document['reason']))}</p>" if document["reason"] else ""
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{escape(title)} {days}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p>{days} · {version} · 金额单位：元 amounts in yuan</p>{reason}"
        f"{_cash(document['cash'])}{_accounts(document['accounts'])}{_details(lines, names)}"
        f"{_proof(statement, book_path)}</body></html>"
    )


def _row(*cells: str, kind: str = "") -> str:
    first, *rest = cells
    return f"<tr{kind}><td>{first}</td>{''.join(f'<td class=n>{cell}</td>' for cell in rest)}</tr>"


def _cash(cash: Mapping[str, Any]) -> str:
    total = ' class="total"'
    came = "".join(_row(escape(row["name"]), yuan(row["amount"])) for row in cash["in"])
    went = "".join(_row(escape(row["name"]), yuan(row["amount"])) for row in cash["out"])
    return (
        "<h2>银行收支 Money in the bank</h2><table>"
        + _row("期初余额 opening", yuan(cash["opening"]), kind=total)
        + f"<tr><th colspan=2>收入来源 came from</th></tr>{came}<tr><th colspan=2>支出去向 went to</th></tr>{went}"
        + _row("期末余额 closing", yuan(cash["closing"]), kind=total)
        + "</table>"
    )


def _accounts(rows: Sequence[Mapping[str, Any]]) -> str:
    shown = "".join(
        _row(
            f"{escape(row['name'])} <small>{escape(row['code'])}</small>",
            *(yuan(row[member], row["unit"]) for member in ("opening", "debits", "credits", "closing")),
        )
        for row in rows
    )
    head = "<tr><th>科目 account<th>期初 opening<th>借方 debits<th>贷方 credits<th>期末 closing</tr>"
    return f"<h2>科目 Accounts</h2><table>{head}{shown}</table>"


def _details(lines: Sequence[Line], names: Mapping[UUID, Names]) -> str:
    shown = "".join(
        f"<tr><td>{line.effective_on}<td>{escape(line.description)}<br><small>{line.transaction_id}</small>"
        f"<td>{escape(names[line.debit_account].name)}<td>{escape(names[line.credit_account].name)}"
        f"<td class=n>{yuan(line.amount, line.unit)}</tr>"
        for line in lines[:_LINES_SHOWN]
    )
    more = f"<p>另有 {len(lines) - _LINES_SHOWN} 笔见下载 more in the download</p>" if len(lines) > _LINES_SHOWN else ""
    head = "<tr><th>日期 date<th>摘要 description<th>借方 debit<th>贷方 credit<th>金额 amount</tr>"
    return f"<h2>逐笔明细 Every line（{len(lines)}）</h2><table>{head}{shown}</table>{more}"


def _proof(statement: StatementOut, book_path: str) -> str:
    if statement.head is None:
        return "<h2>存证 Proof</h2><p>尚未签名，请稍后再看 not signed yet, look again in a moment</p>"
    code = segno.make(statement.head.note, error="m").svg_inline(scale=3)
    keys = "<br>".join(statement.head.public_keys)
    signed = "".join(
        f"<li>{escape(item.title)} <small>{escape(item.witness)}</small></li>" for item in statement.head.cosignatures
    )
    witnesses = f"<p>联署 also signed by</p><ul>{signed}</ul>" if signed else ""
    return (
        "<h2>存证 Proof</h2><p>请留存下面的签名或二维码。以后任何时候都可用它核对账本是否被改过。"
        "Keep this text or its code: with it you can check at any time that the book was never rewritten.</p>"
        f'<div class="proof">{code}<div><pre>{escape(statement.head.note)}</pre>'
        f"<p>公钥 public key: <code>{keys}</code></p><p>公示表 SHA-256: <code>{statement.sha256}</code></p>"
        f'<p><a href="{escape(book_path)}">下载账本 download the book</a></p>{witnesses}</div></div>'
    )
