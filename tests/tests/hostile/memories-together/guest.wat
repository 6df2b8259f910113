(component
  (core module $m
    (memory 3000)
    (func (export "f")))
  (core module $n (memory 3000))
  (core instance (instantiate $n))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "migrate" (func $f)))
