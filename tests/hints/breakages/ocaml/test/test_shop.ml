open Shop

let tea () = Item.make "tea" (Item.Food 300) (Money.of_float 2.5 "EUR") 10

let () =
  let basket = Basket.create () in
  Basket.put basket (tea ()) 3;
  assert (Basket.count basket = 3);
  assert (Basket.total basket "EUR" = Some (Money.make ~cents:750 ~currency:"EUR"));
  assert (Basket.total ~rate:0.5 basket "EUR" = Some (Money.make ~cents:375 ~currency:"EUR"))

let () =
  assert (Item.describe (tea ()) = "tea, keeps 300 days");
  assert (Item.shelf_life (Item.Food 3) = Some 3);
  assert (not (Item.taxed Item.Book))

let () =
  assert (Words.capitals "green tea" = "Green Tea");
  assert (Words.vowels "banana" = 3);
  assert (Words.repeat 2 "ab" = "abab");
  assert (Words.table [ ("a", 1); ("b", 2) ] = "a: 1\nb: 2");
  assert (Words.longest [ "a"; "abc"; "ab" ] = "abc")

let () =
  assert (Stats.mean [ 1.0; 3.0 ] = Some 2.0);
  assert (Stats.variance [ 1.0; 3.0 ] = Some 1.0);
  assert (Stats.gcd 12 18 = 6);
  assert (Stats.clamp ~low:1 ~high:5 9 = 5);
  assert (Stats.histogram ~width:10 [ 1; 5; 12 ] = [ (0, 2); (1, 1) ]);
  assert (Stats.percent 1 4 = 25.0)
