"""Record of fulfilment 履约记录: what a partner kept, did late or broke; written by what happens, open to appeal."""
