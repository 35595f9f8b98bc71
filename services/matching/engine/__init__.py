"""The matcher's engine: needs and offers in, explained candidates and an optimal plan out.

It knows numpy and OR-Tools, and neither SQL nor a framework. Facts become columns (`lines`, `columns`); hard filters
give the reasons why not (`filters`); what is left gets integer points that add up (`scoring`, `standing`, `words`);
both look at whole blocks or at chosen pairs (`pairs`); blocks of a branch and a place keep a district with a hundred
thousand lines small (`branches`, `cutting`, `candidates`); one flow decides who gets what (`flow`, `bundles`,
`planning`); and everything can be told to people (`explaining`).
"""
