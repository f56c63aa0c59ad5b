# expect: syntax_error|timeout|memory|runtime_error|crash|wrong_answer
# tries: a comprehension with 24 loops, nested by the compiler without an indented block
# gold: SECRET
# reward: 0
def execute_command(image):
    return len([0 for a in [0] for b in [0] for c in [0] for d in [0] for e in [0] for f in [0] for g in [0] for h in [0]
                for i in [0] for j in [0] for k in [0] for l in [0] for m in [0] for n in [0] for o in [0] for p in [0]
                for q in [0] for r in [0] for s in [0] for t in [0] for u in [0] for v in [0] for w in [0] for x in [0]])
