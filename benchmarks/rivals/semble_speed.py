"""semble, timed inside the rivals' environment: semble_speed.py index|query ROOT MODEL [QUESTION].

``index`` makes an index of everything that semble can index (code, documents, configuration) and keeps
it; ``query`` is a new process that opens what was kept, as its command line does, and asks once.
MODEL is a model2vec folder with our own static vectors.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from semble.cache import save_index_to_cache
from semble.index.index import SembleIndex
from semble.types import ContentType

CONTENT = (ContentType.CODE, ContentType.DOCS, ContentType.CONFIG)


def main() -> None:
    part, root, model, *question = sys.argv[1:]
    if part == "model":
        from semble_answers import our_model

        Path(model).mkdir(parents=True, exist_ok=True)
        our_model(Path(model))
        print(json.dumps({}))
        return
    started = time.perf_counter()
    index = SembleIndex.from_path(root, content=CONTENT, model_path=model)
    opened = time.perf_counter() - started
    if part == "index":
        save_index_to_cache(index, root)
        said = {"searchable": opened, "saved": time.perf_counter() - started}
        said |= {"files": index.stats.indexed_files, "chunks": index.stats.total_chunks}
    else:
        assert index.loaded_from_disk
        hits = index.search(question[0], top_k=8)
        said = {"open": opened, "answered": time.perf_counter() - started, "hits": len(hits)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
