"""Where threads meet between instructions: a counter that only grows. Who waits long gives its core away.

On a busy machine two threads may have one core between them; whoever spins then keeps the other from coming. So a
thread spins for a microsecond or two at most before it yields.
"""

from __future__ import annotations

SPINS = 100
"""Pauses before a waiting thread yields, as measured: with 20,000 a step took 13 times as long on one shared core."""

MEET = """
define internal void @meet(ptr %bar, i64 %threads) nounwind noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %old = atomicrmw add ptr %bar, i64 1 acq_rel, align 64
  %phase = udiv i64 %old, %threads
  %next = add i64 %phase, 1
  %target = mul i64 %next, %threads
  br label %spin
spin:
  %k = phi i64 [ 0, %arrive ], [ %k1, %again ]
  %now = load atomic i64, ptr %bar acquire, align 64
  %here = icmp uge i64 %now, %target
  br i1 %here, label %done, label %wait
wait:
  {pause}
  %k1 = add i64 %k, 1
  %long = icmp uge i64 %k1, {spins}
  br i1 %long, label %give, label %again
give:
  %field = getelementptr i64, ptr %bar, i64 8
  %yield = load ptr, ptr %field
  %given = call i32 %yield()
  %counted = getelementptr i64, ptr %bar, i64 16
  %count = atomicrmw add ptr %counted, i64 1 monotonic, align 8
  br label %again
again:
  br label %spin
done:
  ret void
}}
"""

AWAIT = """
define i64 @await(ptr %counter, i64 %seen, i64 %limit) nounwind {{
entry:
  br label %spin
spin:
  %k = phi i64 [ 0, %entry ], [ %k1, %wait ]
  %now = load atomic i64, ptr %counter acquire, align 64
  %new = icmp ne i64 %now, %seen
  br i1 %new, label %done, label %wait
wait:
  {pause}
  %k1 = add i64 %k, 1
  %over = icmp uge i64 %k1, %limit
  br i1 %over, label %done, label %spin
done:
  ret i64 %now
}}
"""


def meeting(triple: str) -> str:
    """The text of `meet(barrier, threads)`. The barrier is a counter, the address of the system's function that yields
    (`sched_yield`, or `SwitchToThread`) and how often that was called, 64 bytes apart."""
    declared, pause = _pause(triple)
    return declared + MEET.format(pause=pause, spins=SPINS)


def watching(triple: str) -> str:
    """The text of `await(counter, seen, limit)`, which gives the counter as soon as it is another than the one seen, or
    after so many pauses."""
    declared, pause = _pause(triple)
    return declared + AWAIT.format(pause=pause)


def _pause(triple: str) -> tuple[str, str]:
    """What tells the core that it waits, declared and called."""
    if triple.startswith(("aarch64", "arm64")):
        return "declare void @llvm.aarch64.hint(i32)\n", "call void @llvm.aarch64.hint(i32 1)"
    return "declare void @llvm.x86.sse2.pause()\n", "call void @llvm.x86.sse2.pause()"
