"""The matcher's engine: needs and offers in, explained candidates and an optimal plan out.

It knows numpy and OR-Tools, and neither SQL nor a framework. Facts become columns (`columns`); hard filters give the
reasons why not (`filters`); what is left gets integer points that add up (`scoring`, `standing`, `words`); blocks of a
branch and a place keep a district with a hundred thousand lines small (`candidates`); one flow decides who gets what
(`flow`, `bundles`, `planning`); and everything can be told to people (`explaining`).
"""
