"""The front door: names of commands, exit codes, nothing else.

Exit codes: 0 done; 1 the work failed or was interrupted; 2 the request or its surroundings are wrong (one line says
what was received and what would be right); 75 a signal stopped it (preemption, time limit), and the same command
continues.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from procmem import (
    audit_commands,
    cluster_commands,
    commands,
    exchange_commands,
    explore_commands,
    generate_commands,
    index_commands,
    knowledge_commands,
    memory_change_commands,
    memory_commands,
    privacy_commands,
    program_commands,
    report_commands,
    value_commands,
)
from procmem.arguments import Table, parse
from procmem.errors import STOPPED_EXIT_CODE, StoppedError, UserError, WorkError

COMMANDS: Table = {
    "": "Vision encoders trained on procedural images only, with all real knowledge in a memory you can edit.",
    "doctor": commands.doctor,
    "demo": commands.demo,
    "preview": commands.preview,
    "programs": {
        "": "Shader programs: the shipped ones, generated sets, imported ones.",
        "list": program_commands.programs_list,
        "render": program_commands.programs_render,
        "sheet": program_commands.programs_sheet,
        "synthesize": program_commands.programs_synthesize,
        "screen": program_commands.programs_screen,
        "import": program_commands.programs_import,
        "prewarm": program_commands.programs_prewarm,
    },
    "generate": generate_commands.generate,
    "pretrain": commands.pretrain,
    "launch": cluster_commands.launch,
    "export": exchange_commands.export,
    "import": exchange_commands.import_,
    "memory": {
        "": "Visual memories: build, inspect, change, prove.",
        "build": memory_commands.memory_build,
        "add": memory_commands.memory_add,
        "remove": memory_change_commands.memory_remove,
        "restore": memory_change_commands.memory_restore,
        "relabel": memory_change_commands.memory_relabel,
        "erase": memory_change_commands.memory_erase,
        "search": memory_commands.memory_search,
        "index": index_commands.memory_index,
        "sweep": knowledge_commands.memory_sweep,
        "study": knowledge_commands.memory_study,
        "info": memory_commands.memory_info,
        "versions": memory_commands.memory_versions,
        "protect": memory_commands.memory_protect,
        "release": memory_commands.memory_release,
        "checkout": memory_commands.memory_checkout,
    },
    "audit": {
        "": "What each entry of a memory changes.",
        "leave-one-out": audit_commands.audit_leave_one_out,
        "groups": audit_commands.audit_groups,
        "radius": audit_commands.audit_radius,
        "figure": audit_commands.audit_figure,
        "private-voting": privacy_commands.audit_private_voting,
        "membership": privacy_commands.audit_membership,
        "shapley": value_commands.audit_shapley,
        "certificate": audit_commands.audit_certificate,
        "verify": audit_commands.audit_verify,
    },
    "eval": commands.evaluate,
    "report": report_commands.report,
    "explore": explore_commands.explore,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        command, options = parse(COMMANDS, "procmem", sys.argv[1:] if argv is None else argv)
        return command(**options) or 0
    except UserError as error:
        sys.stderr.write(f"procmem: error: {error}\n")
        return 2
    except StoppedError as error:
        sys.stderr.write(f"procmem: stopped: {error}\n")
        return STOPPED_EXIT_CODE
    except WorkError as error:
        sys.stderr.write(f"procmem: failed: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("procmem: interrupted; the same command continues where it can\n")
        return 1
