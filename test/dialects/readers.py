"""What sqlglot and sqlfluff, in Snowflake's dialect, say of texts: a JSON array of texts on standard input; a line of JSON for each text and
reader on standard output, {"at": index, "reader": name, "refused": null or the reason}."""

import json
import logging
import os
import sys
from multiprocessing import Pool

logging.disable(logging.CRITICAL)


def by_sqlglot(text):
    import sqlglot

    try:
        statements = sqlglot.parse(text, read="snowflake")
    except sqlglot.errors.SqlglotError as error:
        return str(error)
    if len(statements) != 1 or statements[0] is None:
        return f"{len(statements)} statements"
    # What it does not read it keeps as a word and a text.
    if isinstance(statements[0], sqlglot.exp.Command):
        return "not read"
    return None


linter = None


def by_sqlfluff(text):
    global linter
    if linter is None:
        from sqlfluff.core import FluffConfig, Linter

        linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "large_file_skip_byte_limit": 0}))
    parsed = linter.parse_string(text + "\n")
    for violation in parsed.violations:
        return violation.desc()
    tree = parsed.tree
    if tree is None or any(tree.recursive_crawl("unparsable")):
        return "not read"
    return None


READERS = {"sqlglot": by_sqlglot, "sqlfluff": by_sqlfluff}


def read(task):
    at, reader, text = task
    return {"at": at, "reader": reader, "refused": READERS[reader](text)}


if __name__ == "__main__":
    texts = json.load(sys.stdin)
    tasks = [(at, reader, text) for reader in READERS for at, text in enumerate(texts)]
    with Pool(os.cpu_count()) as pool:
        for answer in pool.imap_unordered(read, tasks, chunksize=8):
            print(json.dumps(answer), flush=True)
