(component
  (core module $m
    (memory 65536)
    (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "migrate" (func $f)))
