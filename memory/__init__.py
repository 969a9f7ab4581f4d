"""Visual memory: labelled embeddings that can be added, removed, erased, searched exactly, and audited.

`memory.memory.VisualMemory` is the room's front door. Around it: `store`, `ledger` (disk), `erasure`, `receipt`,
`byte_scan` (proof that bytes are gone), `similarity`, `products`, `search` (exact neighbours), `neighbors`, `voting`,
`audit` (what does each entry change?). Nothing is imported here, so that each part stands alone.
"""
