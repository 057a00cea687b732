"""Studies of the two chapters about language models: what they held before they were adapted, and what that decides.

Re-weighting what is there: `held`, `instructions` (its scenes), `formats` (its openings), `frontier` (its lessons),
`emulated`. What scale and context buy: `thoughts` (its hops), `shots` (its examples), `emergence`, `leak` (its
threshold). All decode by `decoding`, and some keep questions apart by `unread`.
"""
