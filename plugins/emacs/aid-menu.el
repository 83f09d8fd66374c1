;;; aid-menu.el --- AID's commands in a transient menu  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `aid-menu' has every command, with the keys that they have below the prefix of `aid-mode'.

;;; Code:

(require 'transient)
(require 'aid)

;;;###autoload (autoload 'aid-menu "aid-menu" nil t)
(transient-define-prefix aid-menu ()
  "Ask AID, take what it proposes, and append things to the chat."
  [["Ask" ("c" "chat" aid-chat) ("q" "question" aid-ask) ("x" "fix error" aid-fix-error-at-point)
    ("w" "edit region" aid-edit-region) ("k" "cancel" aid-cancel)]
   ["Accept" ("a" "all" aid-accept-all) ("f" "file" aid-accept-file) ("h" "hunk" aid-accept-hunk)
    ("r" "reject" aid-reject) ("u" "undo" aid-undo)]
   ["See" ("n" "next hunk" aid-next-hunk :transient t) ("p" "previous hunk" aid-previous-hunk :transient t)
    ("d" "diff" aid-diff) ("e" "ediff" aid-ediff)]
   ["Append to the chat" ("R" "region" aid-append-region) ("D" "function" aid-append-defun)
    ("E" "error" aid-append-error) ("V" "diff" aid-append-diff) ("F" "file" aid-append-file)]])

(provide 'aid-menu)
;;; aid-menu.el ends here
