;;; chat-tests.el --- The chat with the real daemon  -*- lexical-binding: t; -*-

;;; Code:

(require 'support)

(aid-deftest aid-chat-from-question-to-undo ()
  (aid-test-replies '(:match "rename cents" :reply "HELD"))
  (let ((price (aid-test-open "lib/price.ml")) (before (aid-test-disk "lib/price.ml"))
        (basket (aid-test-disk "lib/basket.ml")))
    (aid-test-chat)
    (aid-test-send "rename cents to amount")
    (aid-test-wait "text streams" (lambda () (string-match-p "^I rename" (buffer-string))))
    (should (string-suffix-p "## You\n\n" (buffer-string)))
    (aid-test-ask "release" "go")
    (aid-test-answered)
    (should (string-match-p "^I rename `cents` to `amount`\\.$" (buffer-string)))
    (should (string-match-p "^\\*\\*Proposal p[0-9a-f]+\\*\\* green (dune test)" (buffer-string)))
    (should-not (string-match-p "SEARCH" (buffer-string)))
    (should (string-suffix-p "## You\n\n" (buffer-string)))
    ;; one hunk
    (aid-test-at "@@ ")
    (aid-accept-hunk nil)
    (aid-test-said "accepted lib/price.ml")
    (aid-test-wait "the hunk's label" (lambda () (string-match-p "@@ \\[hunk accepted\\]" (buffer-string))))
    (should (string-match-p "amount : int" (aid-test-text price)))
    (should (equal before (aid-test-disk "lib/price.ml")))
    ;; all of it
    (aid-accept-all nil)
    (aid-test-said "accepted .*lib/basket.ml")
    (aid-test-wait "the proposal's label" (lambda () (string-match-p "^\\[all accepted\\]" (buffer-string))))
    (should (string-match-p "Price\\.amount" (aid-test-disk "lib/basket.ml")))
    (should-not (string-match-p "cents" (string-replace "of_cents" "" (aid-test-text price))))
    (should (equal before (aid-test-disk "lib/price.ml")))
    ;; one step of Emacs' own undo is one acceptance
    (with-current-buffer price
      (undo)
      (should (buffer-modified-p)))
    (with-current-buffer price (undo-redo))
    (aid-undo)
    (aid-test-said "taken back")
    (aid-test-wait "the label of old" (lambda () (string-match-p "^\\[accept all\\]" (buffer-string))))
    (should (equal basket (aid-test-disk "lib/basket.ml")))
    (should (string-match-p "\"undone\": *[1-9]" (aid-test-ask "aid" "stats" "--json")))))

(provide 'chat-tests)
;;; chat-tests.el ends here
