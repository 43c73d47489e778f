"""Databento's historical bars: asked for in chunks, verified, kept, and read from what was kept.

Belongs here: everything that knows the vendor's historical service. Does not belong here: decoding
its file format (`rooney_assets.sources.dbn`), or the live feed.

| module | says |
|---|---|
| access | who may ask, where, and for how much money |
| patience | how often and how long to ask again |
| client | the vendor's own client, with its faults turned into ours |
| plan | which ranges of which dataset a symbol needs |
| receipt | what is known of one download |
| archive | downloads on disk: which ranges are there, which are missing |
| download | one range: download, verify, commit |
| fetch | many ranges: what they cost, the limit, the progress |
| raw_bars | kept downloads as raw_bars |
| source | the BarSource |

Nothing here imports the vendor's client before it is needed: it takes more than a second.
"""
