"""The process of the tests: it is confined as well, reads the tests, runs them, and writes the verdict."""

import ast
import builtins
import os
import re
import types

from channel import Channel, Ended, read_message, write_message
from peer import PROGRAM, Peer, Remote
from run_program import keep_only, outer_number
from values import MODULES, module

REACHED = "__an_assertion_is_reached__"


def run_tests(limits, confinement, sock, result, parent):
    """
    Reads the tests from stdin, writes its own number to `result`, runs the tests on the program at the other end of `sock`,
    and writes the verdict to `result`. Never returns.
    """
    reason = "the tests ended the process"
    try:
        null = os.open(os.devnull, os.O_RDWR)
        confinement.enforce(limits, is_program=False, parent=parent)
        request = read_message(0)
        write_message(result, outer_number())
        keep_only(null, sock.fileno(), result)
        end = Peer(Channel(sock), trusted=True, in_place=request["inPlace"])
        perform(request, end)
        # Also when the tests caught what came of it.
        reason = end.channel.failure
    except Ended as error:
        reason = str(error)
    except BaseException as error:
        reason = reason_of(error)
    finally:
        try:
            write_message(result, {"passed": reason is None, "reason": reason})
        finally:
            os._exit(0)


def reason_of(error):
    text = str(error)
    text = (type(error).__name__ + (": " if text else "") + text)[:500]
    # Some of it may be the program's, and be shown on a terminal.
    return "".join(character if character.isprintable() else " " for character in text)


def perform(request, end):
    """Runs the tests; what they raise is why the program does not pass."""
    tests, entry = request["tests"], request["entryPoint"]
    tree = ast.parse(tests, "tests.py")
    names = end.wait("load")["value"]
    scope = {"__name__": "__tests__", **names_of_program(end, tests, names if isinstance(names, list) else [])}
    helpers = helpers_of(request["context"])
    scope.update(helpers)
    if entry is not None:
        if entry not in names:
            raise NameError("name '" + entry + "' is not defined")
        # The prompt says that it is a function: what it returns is not to be an object that judges itself.
        end.expects_data = isinstance(helpers.get(entry), types.FunctionType)
        scope[entry] = scope["candidate"] = getattr(Remote(end, PROGRAM), entry)
    reached = []
    scope[REACHED] = lambda: reached.append(True) if not reached else None
    has_assertions = any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    exec(compile(with_counted_assertions(tree), "tests.py", "exec"), scope)
    # HumanEval's tests define check and leave the call to whoever runs them.
    if defines_check(tree) and not calls_check(tree):
        if entry is None:
            raise NameError("the tests define check, and no entry point says what they check")
        scope["check"](scope["candidate"])
    if end.failed is not None:
        raise end.failed
    if has_assertions and not reached:
        raise AssertionError("none of the assertions of the tests was reached")


def names_of_program(end, tests, names):
    """What the tests may mean by words that the program defines."""
    program, found = Remote(end, PROGRAM), {}
    words = set(re.findall(r"[^\W\d]\w*", tests))
    for name in names:
        # A program may call a function len; the tests mean their own.
        if name not in words or name.startswith("__") or hasattr(builtins, name):
            continue
        if name in MODULES and re.search(r"\b" + name + r"\s*\.", tests):
            # The real one, whatever the program made of it.
            value = module(name)
        else:
            try:
                value = getattr(program, name)
            except Exception:
                continue
        if value is not None:
            found[name] = value
    return found


def helpers_of(context):
    """What trusted code defines; an unfinished function at its end counts as one that does nothing."""
    for ending in ("", "\n    pass\n"):
        scope = {"__name__": "__tests__"}
        try:
            exec(compile(context + ending, "context.py", "exec"), scope)
        except SyntaxError:
            continue
        return {name: value for name, value in scope.items() if not name.startswith("__")}
    return {}


class CountedAssertions(ast.NodeTransformer):
    """Puts before every assertion a call that notes that it is reached."""

    def visit_Assert(self, node):
        call = ast.Expr(ast.Call(ast.Name(REACHED, ast.Load()), [], []))
        return [ast.fix_missing_locations(ast.copy_location(call, node)), node]


def with_counted_assertions(tree):
    return CountedAssertions().visit(tree)


def defines_check(tree):
    return any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in tree.body)


def calls_check(tree):
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Name) and function.id == "check" for function in calls)
