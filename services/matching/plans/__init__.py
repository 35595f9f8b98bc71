"""Match plans 统筹对接: all open needs of an area against all offers, shown as a difference before it counts."""
