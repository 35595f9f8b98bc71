"""Spot checks 抽查回访: a sample of closed cases is looked at again, and what is not solved is opened again."""
