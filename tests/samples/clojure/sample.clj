(ns bakery.orders
  "Orders of a bakery: taking them, pricing them and planning the oven."
  (:require [clojure.string :as string]
            [clojure.set :refer [union]]
            [bakery.store :as store])
  (:import (java.time LocalDate)))

(def vat 0.07)

(defonce open-orders (atom {}))

(def ^:private prices
  {:loaf 350
   :roll 60
   :cake 2200})

(defprotocol Baked
  "Anything that goes into the oven."
  (minutes [item] "How long it takes.")
  (trays [item]))

(defrecord Item [kind amount]
  Baked
  (minutes [_]
    (case kind
      :loaf 45
      :cake 60
      15))
  (trays [_]
    (Math/ceil (/ amount 12.0))))

(deftype Oven [^:volatile-mutable busy]
  Object
  (toString [_] (str "oven " busy)))

(defn price
  "The price of an item in cents, without tax."
  ([item] (price item 1.0))
  ([{:keys [kind amount]} factor]
   (long (* (get prices kind 0) amount factor))))

(defn- with-tax [cents]
  (Math/round (* cents (+ 1 vat))))

(defmulti discount
  "The factor for a kind of customer."
  :customer)

(defmethod discount :regular [_]
  0.95)

(defmethod discount :default [_]
  1.0)

(defn total [{:keys [items] :as order}]
  (->> items
       (map #(price % (discount order)))
       (reduce +)
       with-tax))

(defmacro with-oven
  "Runs the body while the oven is hot."
  [[name degrees] & body]
  `(let [~name (heat ~degrees)]
     (try
       ~@body
       (finally
         (cool ~name)))))

(declare heat cool)

(defn heat [degrees]
  {:degrees degrees
   :since (LocalDate/now)})

(defn cool [oven]
  (assoc oven :degrees 20))

(defn place!
  "Adds an order and returns its number."
  [order]
  (let [number (inc (count @open-orders))
        order (assoc order :number number :total (total order))]
    (swap! open-orders assoc number order)
    (store/save! order)
    number))

(defn plan [orders]
  (let [items (mapcat :items orders)
        kinds (apply union (map (comp hash-set :kind) items))]
    (for [kind (sort kinds)
          :let [group (filter #(= kind (:kind %)) items)]
          :when (seq group)]
      {:kind kind
       :minutes (apply max (map minutes group))
       :trays (reduce + (map trays group))})))

(defn- line [{:keys [kind amount]}]
  (string/join " x " [(name kind) amount]))

(defn receipt [order]
  (string/join
   "\n"
   (concat
    (map line (:items order))
    [(format "total %d" (:total order))])))

(comment
  (place! {:customer :regular
           :items [(->Item :loaf 2) (->Item :roll 10)]}))

(defn -main [& args]
  (doseq [kind (map keyword args)]
    (println (receipt {:items [(->Item kind 1)] :total 0}))))
