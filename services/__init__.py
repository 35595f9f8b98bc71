"""The processes of the house: one package per service, the worker beside them and the stack that starts them all."""
