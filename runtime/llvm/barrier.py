"""How threads share out work natively: they wait for one another, claim shares, and serve whoever calls.

A piece of work has as many shares as there are threads, or one. A thread takes its own share, and then those that
nobody has begun: who comes late, because it slept or because something else has its core, keeps nobody waiting. Work
begins when all shares of the work before it are done. Where threads meet within a piece of work, all of them do it
together, or if one does not come soon, the first one alone.

On a busy machine two threads may have one core between them; whoever spins then keeps the other from coming. So a
thread spins for a microsecond or two at most before it yields.

A barrier is memory of int64: a counter of those who have met, which only grows; the address of the system's function
that yields (`sched_yield`, or `SwitchToThread`), and behind it one that kernels tell each other; how many shares are
done; what was said last about work that is done together (its number twice, and 1 if so), how long threads waited where
they met, and how long the call took; and for each thread how many shares come before its next work, how long it waited
and to what work it came, and then up to what work the share with its number is claimed. They lie 64 bytes apart. Work
is numbered by how many shares there are up to its end. What is behind the address begins anew with each call.
"""

from __future__ import annotations

SPINS = 100
"""Pauses before a waiting thread yields, as measured: with 20,000 a step took 13 times as long on one shared core."""
YIELD, MET, TAKEN, FIRST_LINE, LINE = 8, 25, 26, 32, 16
"""Where in a barrier the address of what yields is, how long those waited who met, how long the last call took, the
first thread's line (how long it waited stands behind the first number), and the length of one."""
_DONE, _GATHERED = 16, 24
AWAITED = 1000
"""Pauses for which the first thread waits for others to work together with it: some 30 µs, as long as waking takes."""

_UNTIL = """
define internal void @until(ptr %counter, i64 %least, ptr %bar, ptr %mine) nounwind noinline {{
entry:
  %first = load atomic i64, ptr %counter acquire, align 8
  %ready = icmp sge i64 %first, %least
  br i1 %ready, label %done, label %late
late:
  %start = call i64 @{clock}()
  br label %spin
spin:
  %k = phi i64 [ 0, %late ], [ %k1, %again ]
  %now = load atomic i64, ptr %counter acquire, align 8
  %here = icmp sge i64 %now, %least
  br i1 %here, label %came, label %wait
wait:
  {pause}
  %k1 = add i64 %k, 1
  %long = icmp uge i64 %k1, {spins}
  br i1 %long, label %give, label %again
give:
  %field = getelementptr i64, ptr %bar, i64 {yields}
  %yield = load ptr, ptr %field
  %given = call i32 %yield()
  br label %again
again:
  br label %spin
came:
  %end = call i64 @{clock}()
  %waited = sub i64 %end, %start
  %counted = getelementptr i64, ptr %mine, i64 1
  %count = atomicrmw add ptr %counted, i64 %waited monotonic, align 8
  br label %done
done:
  ret void
}}
"""

_MEET = """
define internal void @meet(ptr %bar, i64 %threads) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %old = atomicrmw add ptr %bar, i64 1 acq_rel, align 8
  %phase = udiv i64 %old, %threads
  %next = add i64 %phase, 1
  %target = mul i64 %next, %threads
  %mine = getelementptr i64, ptr %bar, i64 {met_before}
  call void @until(ptr %bar, i64 %target, ptr %bar, ptr %mine)
  br label %done
done:
  ret void
}}
"""

_CLAIMS = """
define internal ptr @line(ptr %bar, i64 %thread) nounwind noinline {{
  %skipped = mul i64 %thread, {line}
  %offset = add i64 %skipped, {first_line}
  %line = getelementptr i64, ptr %bar, i64 %offset
  ret ptr %line
}}

define internal void @begin(ptr %bar, i64 %thread, i64 %threads, i64 %shares) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %wait
wait:
  %line = call ptr @line(ptr %bar, i64 %thread)
  %before = load i64, ptr %line
  %finished = getelementptr i64, ptr %bar, i64 {done}
  call void @until(ptr %finished, i64 %before, ptr %bar, ptr %line)
  %after = add i64 %before, %shares
  store i64 %after, ptr %line
  br label %done
done:
  ret void
}}

define internal i1 @claim(ptr %bar, i64 %thread, i64 %threads, i64 %share) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %taken, label %look
look:
  %line = call ptr @line(ptr %bar, i64 %thread)
  %work = load i64, ptr %line
  %other = call ptr @line(ptr %bar, i64 %share)
  %word = getelementptr i64, ptr %other, i64 8
  %last = load atomic i64, ptr %word monotonic, align 8
  %free = icmp slt i64 %last, %work
  br i1 %free, label %take, label %late
take:
  %pair = cmpxchg ptr %word, i64 %last, i64 %work acq_rel monotonic, align 8
  %mine = extractvalue {{ i64, i1 }} %pair, 1
  br i1 %mine, label %taken, label %late
taken:
  ret i1 true
late:
  ret i1 false
}}

define internal i64 @gather(ptr %bar, i64 %thread, i64 %threads) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %one, label %come
come:
  %line = call ptr @line(ptr %bar, i64 %thread)
  %work = load i64, ptr %line
  %here = getelementptr i64, ptr %line, i64 2
  store atomic i64 %work, ptr %here release, align 8
  %word = getelementptr i64, ptr %bar, i64 {gathered}
  %twice = shl i64 %work, 1
  %together = or i64 %twice, 1
  %leads = icmp eq i64 %thread, 0
  br i1 %leads, label %look, label %wait
look:
  %number = phi i64 [ 1, %come ], [ %next, %follows ], [ %number, %pause ]
  %k = phi i64 [ 0, %come ], [ %k, %follows ], [ %k1, %pause ]
  %other = call ptr @line(ptr %bar, i64 %number)
  %there = getelementptr i64, ptr %other, i64 2
  %its = load atomic i64, ptr %there acquire, align 8
  %came = icmp sge i64 %its, %work
  br i1 %came, label %follows, label %pause
follows:
  %next = add i64 %number, 1
  %all = icmp eq i64 %next, %threads
  br i1 %all, label %go, label %look
pause:
  {pause}
  %k1 = add i64 %k, 1
  %over = icmp uge i64 %k1, {awaited}
  br i1 %over, label %apart, label %look
go:
  store atomic i64 %together, ptr %word release, align 8
  ret i64 %threads
apart:
  store atomic i64 %twice, ptr %word release, align 8
  br label %one
one:
  ret i64 1
wait:
  call void @until(ptr %word, i64 %twice, ptr %bar, ptr %line)
  %said = load atomic i64, ptr %word acquire, align 8
  %wanted = icmp eq i64 %said, %together
  %count = select i1 %wanted, i64 %threads, i64 0
  ret i64 %count
}}

define internal void @finish(ptr %bar, i64 %threads, i64 %shares) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %count
count:
  %finished = getelementptr i64, ptr %bar, i64 {done}
  %old = atomicrmw add ptr %finished, i64 %shares acq_rel, align 8
  br label %done
done:
  ret void
}}
"""

_POOL = """
define void @announce(ptr %call, ptr %enter, i64 %what, ptr %places, ptr %record, i64 %threads, ptr %memory,
                      ptr %bar, i64 %n, i64 %base, i64 %total) nounwind {{
  %clean = getelementptr i64, ptr %bar, i64 {done}
  %lines = mul i64 %threads, {line_bytes}
  %bytes = add i64 %lines, {head_bytes}
  call void @llvm.memset.p0.i64(ptr %clean, i8 0, i64 %bytes, i1 false)
{stores}
  %old = atomicrmw add ptr %call, i64 1 seq_cst, align 8
  ret void
}}

define internal void @work(ptr %call, i64 %thread) nounwind noinline {{
{loads}
  call void %enter(i64 %what, ptr %places, ptr %record, i64 %thread, i64 %threads, ptr %memory, ptr %bar, i64 %n,
                   i64 %base, i64 %total)
  ret void
}}

define void @lead(ptr %call) nounwind {{
  %start = call i64 @{clock}()
  call void @work(ptr %call, i64 0)
  %old = atomicrmw add ptr %call, i64 1 seq_cst, align 8
  fence seq_cst
  %field = getelementptr i64, ptr %call, i64 {bar}
  %bar = load ptr, ptr %field
  %inside = getelementptr i64, ptr %call, i64 {inside}
  %mine = call ptr @line(ptr %bar, i64 0)
  call void @until(ptr %inside, i64 0, ptr %bar, ptr %mine)
  %end = call i64 @{clock}()
  %taken = sub i64 %end, %start
  %word = getelementptr i64, ptr %bar, i64 {taken}
  store i64 %taken, ptr %word
  ret void
}}

define i64 @serve(ptr %call, i64 %thread, i64 %last, i64 %limit) nounwind {{
entry:
  %inside = getelementptr i64, ptr %call, i64 {inside}
  %field = getelementptr i64, ptr %call, i64 {threads}
  br label %look
look:
  %seen = phi i64 [ %last, %entry ], [ %seen, %more ], [ %seen, %give ], [ %seen, %leave ], [ %now, %left ]
  %k = phi i64 [ 0, %entry ], [ %k1, %more ], [ %k1, %give ], [ 0, %leave ], [ 0, %left ]
  %now = load atomic i64, ptr %call acquire, align 8
  %new = icmp ne i64 %now, %seen
  %odd = trunc i64 %now to i1
  %open = and i1 %new, %odd
  br i1 %open, label %come, label %wait
wait:
  {pause}
  %k1 = add i64 %k, 1
  %over = icmp uge i64 %k1, %limit
  br i1 %over, label %done, label %more
more:
  %rest = urem i64 %k1, {spins}
  %long = icmp eq i64 %rest, 0
  br i1 %long, label %give, label %look
give:
  %at = getelementptr i64, ptr %call, i64 {yields}
  %yield = load ptr, ptr %at
  %given = call i32 %yield()
  br label %look
come:
  %before = atomicrmw sub ptr %inside, i64 1 seq_cst, align 8
  %again = load atomic i64, ptr %call seq_cst, align 8
  %still = icmp eq i64 %again, %now
  br i1 %still, label %in, label %leave
leave:
  %back = atomicrmw add ptr %inside, i64 1 seq_cst, align 8
  br label %look
in:
  %threads = load i64, ptr %field
  %needed = icmp slt i64 %thread, %threads
  br i1 %needed, label %help, label %left
help:
  call void @work(ptr %call, i64 %thread)
  br label %left
left:
  %out = atomicrmw add ptr %inside, i64 1 seq_cst, align 8
  br label %look
done:
  ret i64 %seen
}}
"""
_GIVEN = (("enter", "ptr"), ("what", "i64"), ("places", "ptr"), ("record", "ptr"), ("threads", "i64"),
          ("memory", "ptr"), ("bar", "ptr"), ("n", "i64"), ("base", "i64"), ("total", "i64"))
"""What a call is about. Before it stand the call's number, the address of what yields, and minus how many are in it."""
_INSIDE, _FIRST = 16, 24
CALL_SIZE = _FIRST + len(_GIVEN)
_PLACES = {name: _FIRST + number for number, (name, _) in enumerate(_GIVEN)}


DEFINED = ("meet", "begin", "claim", "gather", "finish")
"""What `claiming` is the text of."""


def meeting(triple: str) -> str:
    """The text of `meet(barrier, threads)`: it returns when all threads are there."""
    return _filled(_UNTIL + _MEET, triple)


def claiming(triple: str) -> str:
    """The text of `begin(barrier, thread, threads, shares)`, which waits until all work before is done,
    `claim(barrier, thread, threads, share)`, whether the thread is to do a share, `gather(barrier, thread, threads)`,
    how many do this work together with it, 0 if it is not to, and `finish(barrier, threads, shares)` behind what is
    done; and of `meet`. All threads begin the same work in the same order."""
    return _filled(_UNTIL + _MEET + _CLAIMS, triple)


def calling(triple: str) -> str:
    """The text of what a pool of threads does with a call, whose memory is CALL_SIZE int64, with the address of what
    yields at YIELD: `announce(call, …)` opens it, `lead(call)` runs it as thread 0, closes it, and returns when nobody
    is in it any more; with `serve(call, thread, seen, limit)` other threads run what is open, until for so many pauses
    nothing was. It gives the number of the last call that the thread has seen."""
    return _filled(_UNTIL + _CLAIMS + _POOL, triple)


_NUMBERS = {
    "spins": SPINS, "awaited": AWAITED, "yields": YIELD, "met_before": MET - 1, "taken": TAKEN, "done": _DONE,
    "gathered": _GATHERED, "line": LINE, "first_line": FIRST_LINE, "line_bytes": LINE * 8,
    "head_bytes": (FIRST_LINE - _DONE) * 8, "inside": _INSIDE, "bar": _PLACES["bar"], "threads": _PLACES["threads"]}


def _filled(text: str, triple: str) -> str:
    """The text with its numbers, and with what processors have names of their own for."""
    pause, argument, clock = "llvm.x86.sse2.pause", "", "llvm.readcyclecounter"
    if triple.startswith(("aarch64", "arm64")):  # where programs may not count cycles
        pause, argument, clock = "llvm.aarch64.hint", "i32 1", "llvm.readsteadycounter"
    declared = f"declare void @{pause}({argument[:3]})\ndeclare i64 @{clock}()\n"
    if text.endswith(_POOL):
        declared += "declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)\n"
    fields = [(name, type, f"  %at.{name} = getelementptr i64, ptr %call, i64 {_PLACES[name]}\n")
              for name, type in _GIVEN]
    stores = "\n".join([f"{at}  store {type} %{name}, ptr %at.{name}" for name, type, at in fields])
    loads = "\n".join([f"{at}  %{name} = load {type}, ptr %at.{name}" for name, type, at in fields])
    return declared + text.format(pause=f"call void @{pause}({argument})", clock=clock, stores=stores, loads=loads,
                                  **_NUMBERS)
