;;;; A ledger for a small shop: accounts, entries that balance, and a report by month.

(defpackage :shop.ledger
  (:use :common-lisp)
  (:export #:account #:post #:balance #:report))

(in-package :shop.ledger)

(defconstant +cents+ 100 "How many make one unit.")

(defvar *accounts* (make-hash-table :test #'equal)
  "All accounts by their number.")

(defparameter *months*
  #("January" "February" "March" "April" "May" "June" "July"
    "August" "September" "October" "November" "December"))

(deftype side ()
  '(member :debit :credit))

(define-condition unbalanced (error)
  ((difference :initarg :difference :reader difference))
  (:report (lambda (condition stream)
             (format stream "The entry is off by ~a" (difference condition)))))

(defstruct line
  (account nil :type (or null string))
  (side :debit :type side)
  (amount 0 :type integer))

(defclass account ()
  ((number :initarg :number :reader account-number)
   (name :initarg :name :accessor account-name)
   (lines :initform '() :accessor account-lines)))

(defclass cash-account (account)
  ((drawer :initarg :drawer :reader drawer)))

(defgeneric describe-account (account stream)
  (:documentation "Write what this account is for."))

(defmethod describe-account ((account account) stream)
  (format stream "~a ~a" (account-number account) (account-name account)))

(defmethod describe-account :after ((account cash-account) stream)
  (format stream " (drawer ~a)" (drawer account)))

(defmacro with-account ((name number) &body body)
  "Run BODY with NAME bound to an account, if there is one."
  `(let ((,name (gethash ,number *accounts*)))
     (unless ,name
       (error "No account ~a" ,number))
     ,@body))

(defun open-account (number name &key drawer)
  "A new account, by its number."
  (setf (gethash number *accounts*)
        (if drawer
            (make-instance 'cash-account :number number :name name :drawer drawer)
            (make-instance 'account :number number :name name))))

(defun signed (line)
  (ecase (line-side line)
    (:debit (line-amount line))
    (:credit (- (line-amount line)))))

(defun check-balance (lines)
  (let ((sum (reduce #'+ lines :key #'signed)))
    (unless (zerop sum)
      (error 'unbalanced :difference sum))))

(defun post (&rest lines)
  "Write an entry to all accounts it speaks of, or to none."
  (check-balance lines)
  (dolist (line lines lines)
    (with-account (account (line-account line))
      (push line (account-lines account)))))

(defun balance (number)
  (with-account (account number)
    (labels ((add (lines sum)
               (if (null lines)
                   sum
                   (add (rest lines) (+ sum (signed (first lines)))))))
      (add (account-lines account) 0))))

(defun money (cents)
  (multiple-value-bind (units rest) (truncate cents +cents+)
    (format nil "~d.~2,'0d" units (abs rest))))

(defun report (&optional (stream *standard-output*))
  (loop for account being the hash-values of *accounts*
        do (describe-account account stream)
           (format stream ": ~a~%" (money (balance (account-number account))))))

(defun close-account (number)
  "Remove an account whose balance is nothing."
  (unless (zerop (balance number))
    (error 'unbalanced :difference (balance number)))
  (remhash number *accounts*))
