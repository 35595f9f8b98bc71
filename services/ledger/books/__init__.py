"""Books 账本: accounts, postings, holds and balances. Everything else in this house posts through here."""
