# expect: timeout|memory|syntax_error|crash
# tries: finally in finally: the compiler writes each of them out twice
# gold: SECRET
# reward: 0
def execute_command(image):
    try:
     image
    finally:
     [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
     try:
      image
     finally:
      [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
      try:
       image
      finally:
       [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
       try:
        image
       finally:
        [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
        try:
         image
        finally:
         [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
         try:
          image
         finally:
          [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
          try:
           image
          finally:
           [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
           try:
            image
           finally:
            [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
            try:
             image
            finally:
             [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
             try:
              image
             finally:
              [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
              try:
               image
              finally:
               [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
               try:
                image
               finally:
                [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
                try:
                 image
                finally:
                 [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
                 try:
                  image
                 finally:
                  [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
                  try:
                   image
                  finally:
                   [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
                   try:
                    image
                   finally:
                    [lambda: [x + 1 for x in (1, 2) if x], lambda: {x: [y for y in x] for x in image}, lambda a=1: (b for b in a)]
                    print(image)
    return "compiled"
